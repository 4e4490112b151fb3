package mail

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filo/internal/edge/source/reading"
)

const bait = "Return-Path: <bounce@spedizioni.example>\r\n" +
	"Received: from posta.comune.example (posta.comune.example [10.1.2.3])\r\n\tby archivio.comune.example; Wed, 25 Nov 2026 10:30:05 +0100\r\n" +
	"Received: from relay.comune.example ([192.0.2.25])\r\n\tby posta.comune.example (Postfix) with ESMTP; Wed, 25 Nov 2026 10:30:04 +0100\r\n" +
	"Received: from [198.51.100.200] (unknown [203.0.113.9])\r\n\tby relay.comune.example (Postfix) with ESMTPS id A1; Wed, 25 Nov 2026 10:30:03 +0100\r\n" +
	"Received: from banca.example (banca.example [198.51.100.1]) by finto.example; Wed, 25 Nov 2026 01:00:00 +0000\r\n" +
	"From: =?iso-8859-1?Q?Attivit=E0_Postali?= <avvisi@spedizioni.example>\r\nTo: ragioneria@comune.example\r\n" +
	"Subject: =?utf-8?Q?La_sua_fattura_=C3=A8_pronta?=\r\nMessage-ID: <77@spedizioni.example>\r\nDate: Wed, 25 Nov 2026 10:29:00 +0100\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: multipart/mixed; boundary=\"b1\"\r\n\r\n" +
	"--b1\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
	"<a href=3D\"https://mal.example/entra?x=3D1&amp;y=3D2\">qui</a> oppure hxxp://altro.example/a.\r\n" +
	"--b1\r\nContent-Type: application/zip; name=\"fattura.zip\"\r\nContent-Disposition: attachment; filename=\"fattura.zip\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
	"%s\r\n--b1--\r\n"

func suspicious(payload string) string {
	return fmt.Sprintf(bait, base64.StdEncoding.EncodeToString([]byte(payload)))
}

func facts(t *testing.T, text string, o Options) map[string]any {
	t.Helper()
	line, err := Line(strings.NewReader(text), o)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(line, &m); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return m
}

func TestTheOriginOfAMessageIsTheFirstHopThatIsNotOnesOwnAndNotTheForgedOneBelow(t *testing.T) {
	m := facts(t, suspicious("PK"), Options{Own: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	for k, want := range map[string]any{
		"source_ip": "203.0.113.9", "received_by": "relay.comune.example", "timestamp": "2026-11-25T10:30:05+01:00", "date": "2026-11-25T10:29:00+01:00",
		"subject": "La sua fattura è pronta", "message_id": "77@spedizioni.example",
	} {
		if m[k] != want {
			t.Errorf("%s is %v, want %v", k, m[k], want)
		}
	}
}

func TestAttachmentsHaveTheirChecksumsAndTextsTheirLinks(t *testing.T) {
	m := facts(t, suspicious("contenuto"), Options{})
	sum := sha256.Sum256([]byte("contenuto"))
	got, _ := json.Marshal(m["attachments"])
	if s := string(got); !strings.Contains(s, hex.EncodeToString(sum[:])) || !strings.Contains(s, `"size":9`) || !strings.Contains(s, `"name":"fattura.zip"`) {
		t.Errorf("attachments: %s", s)
	}
	if l := fmt.Sprint(m["urls"]); l != "[https://mal.example/entra?x=1&y=2 hxxp://altro.example/a]" {
		t.Errorf("links: %s", l)
	}
}

func TestAMessageThatHangsOnAMessageIsOpenedToo(t *testing.T) {
	outer := "From: collega@comune.example\r\nSubject: guardate\r\nDate: Wed, 25 Nov 2026 11:00:00 +0100\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n" +
		"--o\r\nContent-Type: text/plain\r\n\r\nallegata\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n" + suspicious("dentro") + "\r\n--o--\r\n"
	m := facts(t, outer, Options{})
	sum := sha256.Sum256([]byte("dentro"))
	if s, _ := json.Marshal(m); !strings.Contains(string(s), hex.EncodeToString(sum[:])) || !strings.Contains(string(s), "mal.example") {
		t.Errorf("%s", s)
	}
}

func TestHopsAreReadAsTheServersWriteThem(t *testing.T) {
	for line, want := range map[string]string{
		"from a.example (helo=x) ([203.0.113.9]) by b.example with esmtp":                            "203.0.113.9",
		"from [203.0.113.9] (port=4411 helo=[192.168.0.1]) by b.example with esmtp":                  "203.0.113.9",
		"from unknown (HELO 198.51.100.9) (203.0.113.9) by b.example with SMTP":                      "203.0.113.9",
		"from a.example (a.example [IPv6:2001:db8::9]) by b.example":                                 "2001:db8::9",
		"from a.example (203.0.113.9) by b.example (192.0.2.1) with Microsoft SMTP Server id 15.1.2": "203.0.113.9",
		"from a.example ([203.0.113.9]:51000) by b.example":                                          "203.0.113.9",
		"by b.example with local; Wed, 25 Nov 2026 10:30:05 +0100":                                   "invalid IP",
		"from localhost by b.example":                                                                "invalid IP",
	} {
		if got := parseHop(line).ip.String(); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
}

func TestPartsInPartsAndHeadsWithoutEndStayWithinTheirLimits(t *testing.T) {
	var tally reading.Tally
	var b strings.Builder
	b.WriteString("Subject: " + strings.Repeat("x", 2*maxHeader) + "\r\n")
	for i := range 40 {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	facts(t, b.String(), Options{Tally: &tally})
	facts(t, strings.TrimPrefix(b.String(), b.String()[:2*maxHeader+11]), Options{Tally: &tally})
	n := tally.Counters(0).Notes
	if n[NoteHeader] != 1 || n[NoteParts] != 1 {
		t.Errorf("%v", n)
	}
}

func TestALogIsNoMessageAndAMessageIsOneWithoutItsEnding(t *testing.T) {
	for text, want := range map[string]bool{
		suspicious(""):                     true,
		"Nov 25 10:30:00 fw sshd[1]: ok\n": false,
		"date: 1\nlevel: 2\n":              false,
		`{"from":"x"}` + "\n":              false,
		"From mailer Wed Nov 25\nFrom: a@b.example\nTo: c\nSubject: d\n\n": true,
	} {
		if got := Is("senza-nome", []byte(text)); got != want {
			t.Errorf("%.40q: %v", text, got)
		}
	}
}

func TestEachMessageOfAFolderIsReadOnceAlsoAfterARestart(t *testing.T) {
	dir := t.TempDir()
	put := func(name string) {
		path := filepath.Join(dir, name)
		os.WriteFile(path, []byte(suspicious(name)), 0o600)
		old := time.Now().Add(-time.Minute)
		os.Chtimes(path, old, old)
	}
	read := func(s *Source) int {
		n, err := s.Read(100, func([]byte) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	put("a.eml")
	put("b.EML")
	s, err := Open(dir, reading.Position{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	n := read(s)
	pos := s.Position()
	put("c.eml")
	if s, err = Open(dir, pos, Options{}); err != nil {
		t.Fatal(err)
	}
	if m := read(s); n != 2 || m != 1 {
		t.Errorf("%d, then %d messages", n, m)
	}
}

func FuzzMail(f *testing.F) {
	f.Add([]byte(suspicious("x")))
	f.Add([]byte("Content-Type: message/rfc822\n\nContent-Type: multipart/x; boundary=a\n\n--a\n\n--a--\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		Is("x.eml", b)
		line, err := Line(strings.NewReader(string(b)), Options{})
		if err == nil && !json.Valid(line) {
			t.Fatalf("no JSON: %s", line)
		}
	})
}
