package report

import (
	"strings"
	"time"

	"filo/access"
	"filo/internal/fault"
)

// Signer signs receipts with the node's key: internal/pki implements it.
type Signer interface {
	SignText(text string) string
	ReceiptKey() string
}

// Receipt is the proof that a report reached the other side: a plain text with
// a signature, which can be printed, kept, and checked by anybody with
// `filo receipt verify` or on the page of the node.
type Receipt struct {
	Text      string // the lines that are signed
	Signature string // base64, Ed25519
	Key       string // base64, the node's public key
}

// receiptTitle is the first line of every receipt.
const receiptTitle = "filo ricevuta v1"

// NewReceipt makes the receipt of a sent report. body and centre are the names
// as people say them. It fails with Conflict for a draft.
func NewReceipt(r Report, body, centre string, s Signer) (Receipt, error) {
	if r.Sent.IsZero() {
		return Receipt{}, fault.New(fault.Conflict, "report.not_sent")
	}
	from, to := body, centre
	if r.Direction == Down {
		from, to = centre, body
	}
	lines := []string{
		receiptTitle,
		"codice: " + r.Code,
		"da: " + oneLine(from),
		"a: " + oneLine(to),
		"inviata: " + r.Sent.UTC().Format(time.RFC3339),
		"tipo: " + string(r.Kind),
		"priorita: " + string(r.Priority),
	}
	if r.Exercise {
		lines = append(lines, "ESERCITAZIONE")
	}
	text := strings.Join(lines, "\n") + "\n"
	return Receipt{Text: text, Signature: s.SignText(text), Key: s.ReceiptKey()}, nil
}

// String gives the receipt as a file: text, blank line, signature.
func (r Receipt) String() string {
	return r.Text + "\nfirma: " + r.Signature + "\nchiave: " + r.Key + "\n"
}

// ParseReceipt reads what String wrote. It fails with Invalid for anything
// else; it does not check the signature.
func ParseReceipt(s string) (Receipt, error) {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	text, tail, ok := strings.Cut(s, "\n\nfirma: ")
	sig, key, ok2 := strings.Cut(tail, "\nchiave: ")
	if !ok || !ok2 || len(s) > 4096 || !strings.HasPrefix(text, receiptTitle+"\n") {
		return Receipt{}, fault.Bad("receipt", "report.receipt.bad")
	}
	return Receipt{Text: text + "\n", Signature: strings.TrimSpace(sig), Key: strings.TrimSpace(key)}, nil
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// Expect says what happens next, for the page of the receipt: who must take it
// in charge and by when.
func (r Report) Expect() (by time.Time, urgent bool) {
	return r.Due, r.Priority == access.Urgent
}
