//! The words of the hosted pages, in English and Indonesian.

/// Every text of the pages in one language.
pub(crate) struct Words {
    pub(crate) language: &'static str,
    pub(crate) banner: &'static str,
    pub(crate) invoice: &'static str,
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    pub(crate) issued: &'static str,
    pub(crate) due: &'static str,
    pub(crate) paid_on: &'static str,
    pub(crate) description: &'static str,
    pub(crate) amount: &'static str,
    pub(crate) subtotal: &'static str,
    pub(crate) discount: &'static str,
    pub(crate) tax_included: &'static str,
    pub(crate) total: &'static str,
    pub(crate) balance_applied: &'static str,
    pub(crate) amount_due: &'static str,
    pub(crate) amount_paid: &'static str,
    pub(crate) download: &'static str,
    pub(crate) pay_with: &'static str,
    pub(crate) virtual_account: &'static str,
    pub(crate) card: &'static str,
    pub(crate) choose_bank: &'static str,
    pub(crate) other_bank: &'static str,
    pub(crate) account_number: &'static str,
    pub(crate) account_holder: &'static str,
    pub(crate) exact_amount: &'static str,
    pub(crate) steps: [&'static str; 3],
    pub(crate) simulate: &'static str,
    pub(crate) more_outcomes: &'static str,
    pub(crate) clearing_note: &'static str,
    pub(crate) start_clearing: &'static str,
    pub(crate) clearing_title: &'static str,
    pub(crate) clearing_text: &'static str,
    pub(crate) arrive: &'static str,
    pub(crate) fail: &'static str,
    pub(crate) card_number: &'static str,
    pub(crate) expiry: &'static str,
    pub(crate) security_code: &'static str,
    pub(crate) pay: &'static str,
    pub(crate) test_cards: &'static str,
    pub(crate) card_works: &'static str,
    pub(crate) never_stored: &'static str,
    pub(crate) declined_title: &'static str,
    pub(crate) try_again: &'static str,
    pub(crate) paid_title: &'static str,
    pub(crate) paid_text: &'static str,
    pub(crate) paid_without_payment: &'static str,
    pub(crate) void_title: &'static str,
    pub(crate) void_text: &'static str,
    pub(crate) unknown_title: &'static str,
    pub(crate) unknown_text: &'static str,
    pub(crate) no_method: &'static str,
    pub(crate) status_open: &'static str,
    pub(crate) status_paid: &'static str,
    pub(crate) status_void: &'static str,
    pub(crate) status_uncollectible: &'static str,
    pub(crate) bad_number: &'static str,
    pub(crate) bad_expiry: &'static str,
    pub(crate) bad_code: &'static str,
    pub(crate) not_a_test_card: &'static str,
    months: [&'static str; 12],
}

pub(crate) static ENGLISH: Words = Words {
    language: "en",
    banner: "Local stand-in for Stripe: no money moves.",
    invoice: "Invoice",
    from: "From",
    to: "To",
    issued: "Issued",
    due: "Due",
    paid_on: "Paid",
    description: "Description",
    amount: "Amount",
    subtotal: "Subtotal",
    discount: "Discount",
    tax_included: "included",
    total: "Total",
    balance_applied: "Applied balance",
    amount_due: "Amount due",
    amount_paid: "Amount paid",
    download: "Download invoice (PDF)",
    pay_with: "Pay with",
    virtual_account: "Virtual Account",
    card: "Card",
    choose_bank: "Choose the bank you transfer from",
    other_bank: "Choose another bank",
    account_number: "Virtual Account number",
    account_holder: "Account name",
    exact_amount: "Transfer exactly",
    steps: [
        "Open your bank's app and choose Virtual Account.",
        "Enter the number above and check the name and the amount.",
        "Confirm. This page changes when the transfer has arrived.",
    ],
    simulate: "Simulate the transfer",
    more_outcomes: "More outcomes to try",
    clearing_note: "Some transfers take a while to clear. Until then the invoice stays open and cannot be voided.",
    start_clearing: "Start a transfer that is still clearing",
    clearing_title: "Transfer on its way",
    clearing_text: "The bank has the order, the money has not arrived yet. You need do nothing more.",
    arrive: "Let it arrive",
    fail: "Let it fail",
    card_number: "Card number",
    expiry: "Expiry (MM / YY)",
    security_code: "Security code",
    pay: "Pay",
    test_cards: "Test cards",
    card_works: "Succeeds",
    never_stored: "Card numbers are never stored. Do not enter a real one.",
    declined_title: "The payment did not go through",
    try_again: "You have not been charged. Try again or use another way to pay.",
    paid_title: "Invoice paid",
    paid_text: "Thank you. You can close this page now.",
    paid_without_payment: "Nothing was left to pay on this invoice.",
    void_title: "This invoice is void",
    void_text: "It was cancelled and can no longer be paid. Please do not transfer anything for it.",
    unknown_title: "No such invoice",
    unknown_text: "The link is incomplete or has expired. Ask whoever sent it for a new one.",
    no_method: "None of the payment methods of this invoice exists in the stand-in.",
    status_open: "Open",
    status_paid: "Paid",
    status_void: "Void",
    status_uncollectible: "Uncollectible",
    bad_number: "Your card number is incomplete or wrong.",
    bad_expiry: "Your card's expiry date is wrong or in the past.",
    bad_code: "Your card's security code has 3 or 4 digits.",
    not_a_test_card: "Only test cards work here. Pick one from the list below.",
    months: [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
};

pub(crate) static INDONESIAN: Words = Words {
    language: "id",
    banner: "Tiruan Stripe lokal: tidak ada uang yang berpindah.",
    invoice: "Faktur",
    from: "Dari",
    to: "Kepada",
    issued: "Diterbitkan",
    due: "Jatuh tempo",
    paid_on: "Dibayar",
    description: "Keterangan",
    amount: "Jumlah",
    subtotal: "Subtotal",
    discount: "Potongan",
    tax_included: "termasuk",
    total: "Total",
    balance_applied: "Saldo yang dipakai",
    amount_due: "Jumlah tagihan",
    amount_paid: "Jumlah dibayar",
    download: "Unduh faktur (PDF)",
    pay_with: "Bayar dengan",
    virtual_account: "Virtual Account",
    card: "Kartu",
    choose_bank: "Pilih bank asal transfer",
    other_bank: "Pilih bank lain",
    account_number: "Nomor Virtual Account",
    account_holder: "Nama rekening",
    exact_amount: "Transfer tepat",
    steps: [
        "Buka aplikasi bank Anda dan pilih Virtual Account.",
        "Masukkan nomor di atas, lalu periksa nama dan jumlahnya.",
        "Konfirmasi. Halaman ini berubah setelah transfer masuk.",
    ],
    simulate: "Simulasikan transfer",
    more_outcomes: "Kemungkinan lain",
    clearing_note: "Sebagian transfer perlu waktu. Selama itu faktur tetap terbuka dan tidak dapat dibatalkan.",
    start_clearing: "Mulai transfer yang masih diproses",
    clearing_title: "Transfer sedang diproses",
    clearing_text: "Bank sudah menerima perintah, uang belum masuk. Anda tidak perlu melakukan apa-apa lagi.",
    arrive: "Biarkan masuk",
    fail: "Biarkan gagal",
    card_number: "Nomor kartu",
    expiry: "Masa berlaku (BB / TT)",
    security_code: "Kode keamanan",
    pay: "Bayar",
    test_cards: "Kartu uji",
    card_works: "Berhasil",
    never_stored: "Nomor kartu tidak pernah disimpan. Jangan masukkan kartu asli.",
    declined_title: "Pembayaran tidak berhasil",
    try_again: "Anda tidak ditagih. Coba lagi atau pakai cara bayar lain.",
    paid_title: "Faktur sudah dibayar",
    paid_text: "Terima kasih. Anda boleh menutup halaman ini.",
    paid_without_payment: "Tidak ada lagi yang perlu dibayar pada faktur ini.",
    void_title: "Faktur ini batal",
    void_text: "Faktur sudah dibatalkan dan tidak dapat dibayar lagi. Jangan mentransfer untuk faktur ini.",
    unknown_title: "Faktur tidak ditemukan",
    unknown_text: "Tautan tidak lengkap atau sudah kedaluwarsa. Mintalah tautan baru kepada pengirimnya.",
    no_method: "Tidak ada cara bayar faktur ini yang tersedia di tiruan.",
    status_open: "Terbuka",
    status_paid: "Lunas",
    status_void: "Batal",
    status_uncollectible: "Tak tertagih",
    bad_number: "Nomor kartu belum lengkap atau salah.",
    bad_expiry: "Masa berlaku kartu salah atau sudah lewat.",
    bad_code: "Kode keamanan kartu terdiri dari 3 atau 4 angka.",
    not_a_test_card: "Hanya kartu uji yang dapat dipakai di sini. Pilih dari daftar di bawah.",
    months: [
        "Januari",
        "Februari",
        "Maret",
        "April",
        "Mei",
        "Juni",
        "Juli",
        "Agustus",
        "September",
        "Oktober",
        "November",
        "Desember",
    ],
};

impl Words {
    /// The first of the two languages that `Accept-Language` names; English otherwise.
    pub(crate) fn for_header(header: &str) -> &'static Words {
        let wanted = header.split(',').map(|part| part.trim().to_ascii_lowercase());
        let known = wanted.filter_map(|tag| match tag.get(..2) {
            Some("id" | "in") => Some(&INDONESIAN),
            Some("en") => Some(&ENGLISH),
            _ => None,
        });
        known.into_iter().next().unwrap_or(&ENGLISH)
    }

    pub(crate) fn is_indonesian(&self) -> bool {
        self.language == "id"
    }

    /// A day in words, from Unix seconds, as read in Jakarta.
    pub(crate) fn day(&self, at: i64) -> String {
        let Ok(moment) = time::UtcDateTime::from_unix_timestamp(at.saturating_add(7 * 3_600)) else {
            return String::new();
        };
        let month = self.months[usize::from(u8::from(moment.month())) - 1];
        format!("{} {month} {}", moment.day(), moment.year())
    }

    /// Why a payment failed, from Stripe's decline or error code.
    pub(crate) fn reason(&self, code: &str) -> &'static str {
        let (english, indonesian) = match code {
            "insufficient_funds" => {
                ("The card has insufficient funds.", "Saldo atau limit kartu tidak cukup.")
            }
            "expired_card" => ("The card has expired.", "Masa berlaku kartu sudah habis."),
            "incorrect_cvc" => ("The security code is wrong.", "Kode keamanan salah."),
            "processing_error" => {
                ("The bank could not process the card just now.", "Bank sedang tidak dapat memproses kartu.")
            }
            "payment_intent_payment_attempt_failed" => {
                ("The bank could not complete the transfer.", "Bank tidak dapat menyelesaikan transfer.")
            }
            _ => ("The card was declined by its bank.", "Kartu ditolak oleh bank penerbit."),
        };
        if self.is_indonesian() { indonesian } else { english }
    }
}
