// Package mail reads messages that somebody at a Comune found suspicious and
// saved as files: who sent them, through which machine they came in, what hangs
// on them, where their links lead. The text of a message never leaves: one line
// of facts stands for it.
package mail

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"mime"
	"net/mail"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"filo/internal/edge/source/reading"
)

// Limits of what a message may cost.
const (
	maxHeader  = 256 << 10 // of one head
	maxSize    = 256 << 20 // of a message
	maxDepth   = 8         // of parts in parts
	maxParts   = 500
	maxText    = 1 << 20 // of a text part that is searched for links
	maxLinks   = 200
	maxLink    = 2048
	maxFiles   = 100
	maxField   = 1024
	maxAllText = 48 << 10 // of what a line says of links and files
)

// Notes of what was more than the limits let through.
const (
	NoteHeader = "message heads longer than read"
	NoteParts  = "message parts beyond the limit"
	NoteText   = "message texts searched only at their beginning"
	NoteLinks  = "links and attachments beyond the limit"
	NoteMIME   = "message parts that are damaged"
)

// Options says whose servers are one's own.
type Options struct {
	Own   []netip.Prefix // whose hops are passed over
	Tally *reading.Tally
}

var known = []string{
	"received", "return-path", "delivered-to", "from", "to", "subject", "date", "message-id", "mime-version",
	"content-type", "reply-to", "x-mailer", "dkim-signature", "authentication-results", "x-originating-ip", "sender", "arc-seal", "received-spf", "cc",
}

// Is reports whether a file is a message: its name says so and it begins like a
// head, or its first lines are heads of messages beyond doubt.
func Is(name string, head []byte) bool {
	hits, lines := 0, 0
	for len(head) > 0 && lines < 40 {
		line, rest, whole := bytes.Cut(head, []byte{'\n'})
		head = rest
		line = bytes.TrimRight(line, "\r")
		if len(line) == 0 || !whole {
			break
		}
		lines++
		if line[0] == ' ' || line[0] == '\t' {
			if lines == 1 {
				return false
			}
			continue
		}
		key, _, ok := bytes.Cut(line, []byte{':'})
		if !ok || bytes.ContainsAny(key, " \t<>[]\"") {
			if lines == 1 && bytes.HasPrefix(line, []byte("From ")) {
				continue
			}
			return false
		}
		for _, k := range known {
			if strings.EqualFold(string(key), k) {
				hits++
			}
		}
	}
	return hits >= 3 || hits >= 1 && strings.EqualFold(filepath.Ext(name), ".eml")
}

// message is what is told of one.
type message struct {
	o     Options
	files []attachment
	links []string
	seen  map[string]bool
	parts int
	size  int
}

type attachment struct {
	name, kind  string
	size        int64
	sha256, md5 string
}

// Line reads a message and gives its facts as one JSON object. What could be
// read of a damaged one is given.
func Line(in io.Reader, o Options) ([]byte, error) {
	if o.Tally == nil {
		o.Tally = &reading.Tally{}
	}
	r := bufio.NewReaderSize(io.LimitReader(in, maxSize), 64<<10)
	m := &message{o: o, seen: map[string]bool{}}
	h, err := m.head(r)
	if err != nil && len(h) == 0 {
		return nil, err
	}
	m.part(h, r, 0)
	return m.line(h), nil
}

// head reads the head of a message, at most maxHeader of it.
func (m *message) head(r *bufio.Reader) (mail.Header, error) {
	h := mail.Header{}
	var key string
	var value []byte
	put := func() {
		if key != "" {
			h[key] = append(h[key], string(bytes.TrimSpace(value)))
		}
		key, value = "", value[:0]
	}
	defer put()
	size, part := 0, false // part: of a line longer than the buffer
	for {
		line, err := r.ReadSlice('\n')
		end := bytes.TrimRight(line, "\r\n")
		first := size == 0
		if size += len(line); size > maxHeader && size-len(line) <= maxHeader {
			m.o.Tally.Note(NoteHeader, 1)
		}
		switch {
		case len(end) == 0 && !part && err == nil:
			return h, nil
		case size > maxHeader || len(end) == 0:
		case part:
			value = append(value, end...)
		case end[0] == ' ' || end[0] == '\t':
			value = append(append(value, ' '), bytes.TrimSpace(end)...)
		case first && bytes.HasPrefix(end, []byte("From ")):
		default:
			put()
			if k, v, ok := bytes.Cut(end, []byte{':'}); ok {
				key, value = canonical(k), append(value, v...)
			}
		}
		if part = errors.Is(err, bufio.ErrBufferFull); err != nil && !part {
			return h, err
		}
	}
}

func canonical(k []byte) string { return strings.ToLower(strings.TrimSpace(string(k))) }

func first(h mail.Header, key string) string {
	if v := h[key]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// plain decodes words of other alphabets in a field, and keeps it short.
func plain(s string) string {
	d := mime.WordDecoder{CharsetReader: func(charset string, in io.Reader) (io.Reader, error) {
		b, err := io.ReadAll(io.LimitReader(in, maxHeader))
		var buf []byte
		return bytes.NewReader(reading.Text(b, &buf)), err
	}}
	if t, err := d.DecodeHeader(s); err == nil {
		s = t
	}
	if len(s) > maxField {
		s = string(reading.Whole([]byte(s[:maxField])))
	}
	return s
}

// addresses gives the mailboxes of a field, without the names of people.
func addresses(s string) []string {
	var out []string
	if list, err := mail.ParseAddressList(s); err == nil {
		for _, a := range list {
			out = append(out, a.Address)
		}
	} else {
		for _, w := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" ,;<>\"()\t", r) }) {
			if i := strings.IndexByte(w, '@'); i > 0 && i < len(w)-1 {
				out = append(out, w)
			}
		}
	}
	return out[:min(len(out), 50)]
}

func (m *message) line(h mail.Header) []byte {
	b := append(make([]byte, 0, 1024), `{"event_type":"mail"`...)
	add := func(name, s string) {
		if s != "" {
			b = reading.Quote(append(append(append(b, `,"`...), name...), `":`...), s)
		}
	}
	list := func(name string, l []string) {
		if len(l) == 0 {
			return
		}
		b = append(append(append(b, `,"`...), name...), `":[`...)
		for i, s := range l {
			if i > 0 {
				b = append(b, ',')
			}
			b = reading.Quote(b, s[:min(len(s), maxLink)])
		}
		b = append(b, ']')
	}
	hop := m.entry(h["received"])
	add("timestamp", stamp(hop.at))
	if t, err := mail.ParseDate(first(h, "date")); err == nil {
		add("date", stamp(t))
	}
	list("from", addresses(first(h, "from")))
	list("reply_to", addresses(first(h, "reply-to")))
	list("return_path", addresses(first(h, "return-path")))
	list("to", addresses(strings.Join(append(h["to"], h["cc"]...), ", ")))
	add("subject", plain(first(h, "subject")))
	add("message_id", strings.Trim(plain(first(h, "message-id")), "<> "))
	if hop.ip.IsValid() {
		add("source_ip", hop.ip.String())
		add("received_by", hop.by)
	}
	add("authentication", plain(first(h, "authentication-results")))
	list("urls", m.links)
	if len(m.files) > 0 {
		b = append(b, `,"attachments":[`...)
		for i, f := range m.files {
			if i > 0 {
				b = append(b, ',')
			}
			b = reading.Quote(append(b, `{"name":`...), f.name)
			b = reading.Quote(append(b, `,"type":`...), f.kind)
			b = strconv.AppendInt(append(b, `,"size":`...), f.size, 10)
			b = append(append(append(append(b, `,"sha256":"`...), f.sha256...), `","md5":"`...), f.md5...)
			b = append(b, `"}`...)
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

func stamp(t time.Time) string {
	if t.IsZero() || t.Year() < 1970 || t.Year() > 9999 {
		return ""
	}
	return t.Format(time.RFC3339)
}
