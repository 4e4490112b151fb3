package mail

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
)

// part reads a part of a message, or the message itself: parts within parts,
// links in texts, and of everything else name, size and checksums.
func (m *message) part(h mail.Header, body io.Reader, depth int) {
	if m.parts++; m.parts > maxParts || depth > maxDepth {
		m.o.Tally.Note(NoteParts, 1)
		return
	}
	kind, params, err := mime.ParseMediaType(first(h, "content-type"))
	if err != nil && kind == "" {
		kind = "text/plain"
	}
	if strings.HasPrefix(kind, "multipart/") && params["boundary"] != "" {
		m.multipart(body, params["boundary"], depth)
		return
	}
	body = decoded(first(h, "content-transfer-encoding"), body)
	disposition, dp, _ := mime.ParseMediaType(first(h, "content-disposition"))
	name := dp["filename"]
	if name == "" {
		name = params["name"]
	}
	switch {
	case kind == "message/rfc822":
		m.inner(name, body, depth)
	case name == "" && disposition != "attachment" && strings.HasPrefix(kind, "text/"):
		m.text(body)
	default:
		m.file(name, kind, body)
	}
}

func (m *message) multipart(body io.Reader, boundary string, depth int) {
	r := multipart.NewReader(body, boundary)
	for {
		p, err := r.NextRawPart()
		if err != nil {
			if err != io.EOF {
				m.o.Tally.Note(NoteMIME, 1)
			}
			return
		}
		if m.parts >= maxParts {
			m.o.Tally.Note(NoteParts, 1)
			return
		}
		h := mail.Header{}
		for k, v := range p.Header {
			h[strings.ToLower(k)] = v
		}
		m.part(h, p, depth+1)
	}
}

// decoded undoes the encoding of a part. Bytes that do not belong into base64
// are passed over, as mail programs do.
func decoded(encoding string, body io.Reader) io.Reader {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, &alphabet{bufio.NewReader(body)})
	case "quoted-printable":
		return quotedprintable.NewReader(body)
	}
	return body
}

// alphabet lets only the characters of base64 through.
type alphabet struct{ r *bufio.Reader }

func (a *alphabet) Read(b []byte) (int, error) {
	n := 0
	for n < len(b) {
		c, err := a.r.ReadByte()
		if err != nil {
			return n, err
		}
		if c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '=' {
			b[n] = c
			n++
		}
		if n > 0 && a.r.Buffered() == 0 {
			break
		}
	}
	return n, nil
}

// inner reads a message that hangs on another, as a file and for its own parts.
func (m *message) inner(name string, body io.Reader, depth int) {
	sum := newSum(body)
	r := bufio.NewReaderSize(sum, 64<<10)
	if h, err := m.head(r); err == nil {
		m.part(h, r, depth+1)
	}
	m.attach(name, "message/rfc822", sum)
}

func (m *message) file(name, kind string, body io.Reader) { m.attach(name, kind, newSum(body)) }

// sums takes the checksums of what is read through it.
type sums struct {
	io.Reader
	size     int64
	sha, md5 interface {
		io.Writer
		Sum([]byte) []byte
	}
}

func newSum(r io.Reader) *sums {
	s := &sums{sha: sha256.New(), md5: md5.New()}
	s.Reader = io.TeeReader(r, io.MultiWriter(s.sha, s.md5))
	return s
}

func (s *sums) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	s.size += int64(n)
	return n, err
}

func (m *message) attach(name, kind string, s *sums) {
	if _, err := io.Copy(io.Discard, s); err != nil {
		m.o.Tally.Note(NoteMIME, 1)
	}
	f := attachment{plain(name), kind[:min(len(kind), 127)], s.size, hex.EncodeToString(s.sha.Sum(nil)), hex.EncodeToString(s.md5.Sum(nil))}
	if m.size += len(f.name) + 256; len(m.files) >= maxFiles || m.size > maxAllText {
		m.o.Tally.Note(NoteLinks, 1)
		return
	}
	m.files = append(m.files, f)
}

// text looks for links in a part that people read.
func (m *message) text(body io.Reader) {
	b, err := io.ReadAll(io.LimitReader(body, maxText+1))
	if err != nil {
		m.o.Tally.Note(NoteMIME, 1)
	}
	if len(b) > maxText {
		m.o.Tally.Note(NoteText, 1)
		b = b[:maxText]
	}
	for {
		i := bytes.Index(b, []byte("://"))
		if i < 0 {
			return
		}
		from := i
		for from > 0 && i-from < 5 && (b[from-1]|0x20) >= 'a' && (b[from-1]|0x20) <= 'z' {
			from--
		}
		end := i + 3
		for end < len(b) && end-from < maxLink && b[end] > ' ' && bytes.IndexByte([]byte(`"'<>\)]}`+"`"), b[end]) < 0 {
			end++
		}
		switch scheme := strings.ToLower(string(b[from:i])); scheme {
		case "http", "https", "hxxp", "hxxps", "ftp":
			if end > i+5 {
				m.link(strings.ReplaceAll(strings.TrimRight(string(b[from:end]), ".,;:!?"), "&amp;", "&"))
			}
		}
		b = b[end:]
	}
}

func (m *message) link(u string) {
	if m.seen[u] {
		return
	}
	if m.size += len(u) + 4; len(m.links) >= maxLinks || m.size > maxAllText {
		m.o.Tally.Note(NoteLinks, 1)
		return
	}
	m.seen[u] = true
	m.links = append(m.links, u)
}
