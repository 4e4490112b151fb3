package logline

import "strings"

// A form is one wording of a product: text with holes, as in
//
//	Failed login for {user} from {ip} port {port}
//
// It is matched from the start of the message, text may follow its end unless
// it ends with "$". What people choose ({user}, {name}, {any+}) reaches as far
// to the right as the rest of the form allows, so that "x from 192.0.2.1" typed
// as a user name stays a user name; {user-} and {any} reach as little as
// possible, for values that the product quotes itself.
type form struct {
	text    string
	action  string
	outcome string

	pieces []piece
	whole  bool
}

// piece is a literal and the hole behind it.
type piece struct {
	lit  string
	hole hole
	lazy bool
}

type hole byte

const (
	holeEnd hole = iota
	holeAny
	holeWord // without blanks
	holeUser
	holeIP
	holeFrom // address with or without port
	holePort
	holeDest
	holeTo
	holeDestPort
	holeName
	holeThreat
	holePath
	holeMethod
	holeStatus
	holeRepeat
	holeDomain
	holeProto
	holeHost
	holeID
	holePeer // address, or a name that gives none
	holeChannel
)

var holes = map[string]hole{
	"any": holeAny, "word": holeWord, "user": holeUser, "ip": holeIP, "from": holeFrom, "port": holePort, "dest": holeDest, "to": holeTo,
	"destport": holeDestPort, "name": holeName, "threat": holeThreat, "path": holePath, "method": holeMethod, "status": holeStatus,
	"repeat": holeRepeat, "domain": holeDomain, "proto": holeProto, "host": holeHost, "id": holeID, "peer": holePeer, "channel": holeChannel,
}

type forms []form

// compile cuts the texts of forms into pieces; a hole that does not exist is a
// mistake of the programmer and stops the program.
func compile(list ...form) forms {
	for i := range list {
		f := &list[i]
		text := f.text
		if strings.HasSuffix(text, "$") {
			f.whole = true
			text = text[:len(text)-1]
		}
		for {
			open := strings.IndexByte(text, '{')
			if open < 0 {
				f.pieces = append(f.pieces, piece{lit: text})
				break
			}
			end := open + strings.IndexByte(text[open:], '}')
			name := text[open+1 : end]
			p := piece{lit: text[:open]}
			greedy := strings.TrimSuffix(name, "+")
			lazy := strings.TrimSuffix(name, "-")
			p.hole = holes[strings.TrimRight(name, "+-")]
			p.lazy = lazy != name || greedy == name && (name == "any" || name == "word" || name == "method" || name == "channel" || name == "threat")
			if p.hole == holeEnd {
				panic("logline: the form " + f.text + " has the unknown hole " + name)
			}
			f.pieces = append(f.pieces, p)
			text = text[end+1:]
		}
	}
	return list
}

// read tries the forms in their order and fills the event from the first that
// fits.
func (fs forms) read(b []byte, e *Event) bool {
	for i := range fs {
		f := &fs[i]
		if f.match(b, e) {
			e.did(f.action, f.outcome)
			return true
		}
	}
	return false
}

// maxTries bounds how often a form looks for another place to split at.
const maxTries = 32

type match struct {
	caps  [12][]byte
	tries int
}

func (f *form) match(b []byte, e *Event) bool {
	lit := f.pieces[0].lit
	if !starts(b, lit) {
		return false
	}
	var m match
	if !f.walk(b[len(lit):], 0, &m) {
		return false
	}
	for k, p := range f.pieces {
		e.fill(p.hole, m.caps[min(k, len(m.caps)-1)])
	}
	return true
}

// walk matches from hole k on.
func (f *form) walk(b []byte, k int, m *match) bool {
	p := f.pieces[k]
	if p.hole == holeEnd {
		return !f.whole || len(b) == 0
	}
	next := f.pieces[k+1].lit
	last := f.pieces[k+1].hole == holeEnd
	if n, typed := p.span(b); typed {
		if n == 0 || !starts(b[n:], next) {
			return false
		}
		m.caps[k] = b[:n]
		return f.walk(b[n+len(next):], k+1, m)
	}
	if next == "" {
		m.caps[k] = b
		return last
	}
	if p.lazy {
		return f.lazy(b, k, next, m)
	}
	end := len(b)
	if f.whole && last {
		if !ends(b, next) {
			return false
		}
		m.caps[k] = b[:len(b)-len(next)]
		return true
	}
	for m.tries < maxTries {
		i := lastIndex(b[:end], next)
		if i < 0 {
			return false
		}
		m.tries++
		m.caps[k] = b[:i]
		if f.walk(b[i+len(next):], k+1, m) {
			return true
		}
		end = i + len(next) - 1
	}
	return false
}

func (f *form) lazy(b []byte, k int, next string, m *match) bool {
	for at := 0; m.tries < maxTries; {
		i := index(b[at:], next)
		if i < 0 {
			return false
		}
		m.tries++
		if f.pieces[k].hole == holeWord && has(b[:at+i], " ") {
			return false
		}
		m.caps[k] = b[:at+i]
		if f.walk(b[at+i+len(next):], k+1, m) {
			return true
		}
		at += i + 1
	}
	return false
}

// span measures holes whose content tells where they end.
func (p *piece) span(b []byte) (n int, typed bool) {
	switch p.hole {
	case holeIP, holeDest:
		n = addrLen(b)
		for n > 0 {
			if _, ok := ip(b[:n]); ok {
				return n, true
			}
			if c := b[n-1]; c != '.' && c != ':' {
				return 0, true
			}
			n-- // the end of a sentence
		}
		return 0, true
	case holeFrom, holeTo:
		return addrPortLen(b), true
	case holePort, holeDestPort, holeStatus, holeRepeat, holeID:
		return digits(b), true
	}
	return 0, false
}

func addrLen(b []byte) int {
	for i, c := range b {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') && c != '.' && c != ':' {
			if c == '%' { // zone of a link-local address
				for i < len(b) && b[i] > ' ' && b[i] != ',' && b[i] != ')' && b[i] != ']' && i < 64 {
					i++
				}
			}
			return i
		}
	}
	return len(b)
}

// addrPortLen measures an address with what may be its port.
func addrPortLen(b []byte) int {
	n := 0
	if len(b) > 0 && b[0] == '[' {
		for n < len(b) && b[n] != ']' && n < 64 {
			n++
		}
		if n >= len(b) || b[n] != ']' {
			return 0
		}
		if n++; n < len(b) && b[n] == ':' && digits(b[n+1:]) > 0 {
			n += 1 + digits(b[n+1:])
		}
	} else if n = addrLen(b); n > 0 && n < len(b) && (b[n] == '#' || b[n] == '(' || b[n] == '/') {
		if d := digits(b[n+1:]); d > 0 {
			if b[n] != '(' {
				n += 1 + d
			} else if n+1+d < len(b) && b[n+1+d] == ')' {
				n += 2 + d
			}
		}
	}
	for n > 0 {
		if _, _, ok := addrPort(b[:n]); ok {
			return n
		}
		if c := b[n-1]; c != '.' && c != ':' {
			return 0
		}
		n--
	}
	return 0
}

// fill puts what stood in a hole into the event.
func (e *Event) fill(h hole, v []byte) {
	switch h {
	case holeUser:
		e.person(v)
	case holeIP:
		e.Source, _ = ip(v)
	case holeFrom, holePeer:
		e.from(v)
	case holePort:
		e.SrcPort = port(v)
	case holeDest:
		e.Dest, _ = ip(v)
	case holeTo:
		e.to(v)
	case holeDestPort:
		e.DestPort = port(v)
	case holeName:
		e.Name = v
	case holeThreat:
		e.Threat = v
	case holePath:
		e.Path = v
	case holeMethod:
		e.Method = v
	case holeStatus:
		e.Status = count(v)
	case holeRepeat:
		e.Repeat = max(count(v), 1)
	case holeDomain:
		e.UserDomain = v
	case holeProto:
		e.Proto = protocol(v)
	case holeHost:
		e.Host = v
	case holeID:
		e.ID = count(v)
	case holeChannel:
		e.Channel = v
	}
}
