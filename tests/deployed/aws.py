"""What the deploy test does to AWS's own APIs, through AWS's own SDK: one command a call, JSON on standard output."""

import base64
import io
import json
import os
import sys
import time
import zipfile

import boto3

PROBE = """#!{python}
import json, os, urllib.request
import boto3
from botocore.exceptions import ClientError

API = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"

clients = {{name: boto3.client(name) for name in ("dynamodb", "sqs", "secretsmanager")}}

def outcome(call):
    try:
        getattr(clients[call["service"]], call["operation"])(**call["arguments"])
        return "allowed"
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return "denied" if code.startswith("AccessDenied") else "allowed, then " + code

while True:
    with urllib.request.urlopen(API + "next") as asked:
        name, calls = asked.headers["Lambda-Runtime-Aws-Request-Id"], json.load(asked)
    answer = json.dumps([outcome(call) for call in calls]).encode()
    urllib.request.urlopen(API + name + "/response", data=answer).read()
"""


def client(service):
    return boto3.client(service)


def key():
    """A new RSA key: the private one as PKCS#1, the public one as a JWK's n and e."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    pair = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    private = pair.private_bytes(serialization.Encoding.DER, form, serialization.NoEncryption())
    public = pair.public_key().public_numbers()

    def number(value):
        text = base64.urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))
        return text.rstrip(b"=").decode()

    return {"private": base64.b64encode(private).decode(), "n": number(public.n), "e": number(public.e)}


def secret(name, value):
    """Makes the secret, or gives it a new value."""
    secrets = client("secretsmanager")
    try:
        secrets.create_secret(Name=name, SecretString=value)
    except secrets.exceptions.ResourceExistsException:
        secrets.put_secret_value(SecretId=name, SecretString=value)


def uploads():
    """Every object in every bucket with its size and, of a zip, the names and sizes inside."""
    s3, found = client("s3"), []
    for bucket in s3.list_buckets()["Buckets"]:
        for item in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", []):
            body = s3.get_object(Bucket=bucket["Name"], Key=item["Key"])["Body"].read()
            inside = None
            if zipfile.is_zipfile(io.BytesIO(body)):
                with zipfile.ZipFile(io.BytesIO(body)) as archive:
                    inside = [
                        {"name": one.filename, "bytes": one.file_size, "mode": oct(one.external_attr >> 16 & 0o777)}
                        for one in archive.infolist()
                    ]
            found.append({"key": item["Key"], "bytes": len(body), "inside": inside})
    return found


def stack(name):
    """Its state, its outputs, and the physical names by logical id."""
    formation = client("cloudformation")
    described = formation.describe_stacks(StackName=name)["Stacks"][0]
    resources = formation.describe_stack_resources(StackName=name)["StackResources"]
    return {
        "status": described["StackStatus"],
        "outputs": {one["OutputKey"]: one["OutputValue"] for one in described.get("Outputs", [])},
        "resources": {one["LogicalResourceId"]: one.get("PhysicalResourceId") for one in resources},
    }


def why(name):
    """What the stack's events say went wrong."""
    events = client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
    failed = [one for one in events if "FAILED" in one["ResourceStatus"]]
    return [[one["LogicalResourceId"], one.get("ResourceStatusReason")] for one in failed]


def role(name):
    return client("iam").get_role(RoleName=name)["Role"]["Arn"]


def send(url, body):
    return client("sqs").send_message(QueueUrl=url, MessageBody=body)["MessageId"]


def hurry(url):
    """Failed messages come back after a second."""
    return client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"}) and None


def waiting(url):
    """How many messages lie in the queue, seen or not."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counts = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(counts[name]) for name in names)


def due(table):
    """Makes whatever waits for its time due, as if a day had passed; how much that was. Times are milliseconds in 15 digits."""
    items = boto3.resource("dynamodb").Table(table)
    waiting = [item for item in items.scan()["Items"] if "due_at" in item]
    for item in waiting:
        items.update_item(
            Key={"pk": item["pk"], "sk": item["sk"]},
            UpdateExpression="SET due_at = :a_day_ago",
            ExpressionAttributeValues={":a_day_ago": str(int(item["due_at"]) - 86_400_000).zfill(15)},
        )
    return len(waiting)


def restore(source, target):
    """The commands of docs/deploy.md, one after the other; what the table has behind them."""
    tables = client("dynamodb")
    tables.restore_table_to_point_in_time(SourceTableName=source, TargetTableName=target, UseLatestRestorableTime=True)
    tables.get_waiter("table_exists").wait(TableName=target)
    ttl = {"Enabled": True, "AttributeName": "ttl"}
    tables.update_time_to_live(TableName=target, TimeToLiveSpecification=ttl)
    recovery = {"PointInTimeRecoveryEnabled": True}
    tables.update_continuous_backups(TableName=target, PointInTimeRecoverySpecification=recovery)
    tables.update_table(TableName=target, DeletionProtectionEnabled=True)
    backups = tables.describe_continuous_backups(TableName=target)["ContinuousBackupsDescription"]
    return {
        "ttl": tables.describe_time_to_live(TableName=target)["TimeToLiveDescription"]["TimeToLiveStatus"],
        "point_in_time_recovery": backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
        "deletion_protection": tables.describe_table(TableName=target)["Table"]["DeletionProtectionEnabled"],
    }


def spoil(table, key):
    """A hand on a balance: a hundred credits that no entry says."""
    boto3.resource("dynamodb").Table(table).update_item(
        Key=json.loads(key), UpdateExpression="ADD credits :some", ExpressionAttributeValues={":some": 100}
    )


def exists(table):
    return client("dynamodb").describe_table(TableName=table)["Table"]["TableStatus"] == "ACTIVE"


def invoke(function, event):
    answer = client("lambda").invoke(FunctionName=function, Payload=event)
    return {"error": answer.get("FunctionError"), "answer": json.loads(answer["Payload"].read() or "null")}


def probe(role_arn, calls):
    """What of `calls` a function with this role may do."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        packed.writestr(entry, PROBE.format(python=sys.executable))
    functions, name = client("lambda"), "probe-" + role_arn.rsplit("/", 1)[1][-50:]
    functions.create_function(
        FunctionName=name,
        Role=role_arn,
        Runtime="provided.al2023",
        Handler="bootstrap",
        Timeout=60,
        Code={"ZipFile": archive.getvalue()},
    )
    outcome = invoke(name, calls)
    functions.delete_function(FunctionName=name)
    if outcome["error"]:
        raise SystemExit(f"{name}: {outcome}")
    return outcome["answer"]


def ready():
    """Waits until the emulator answers."""
    until = time.monotonic() + 60
    while True:
        try:
            return client("sts").get_caller_identity()["Account"]
        except Exception as error:  # whatever it says before it is there
            if time.monotonic() > until:
                raise SystemExit(f"no answer from {os.environ['AWS_ENDPOINT_URL']}: {error}")
            time.sleep(0.2)


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    json.dump(globals()[command](*arguments), sys.stdout)
