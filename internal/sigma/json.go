package sigma

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// Limits of an event in JSON.
const (
	maxFields = 4096
	maxDeep   = 32
	maxPath   = 512
	maxNames  = 8192 // names remembered by a decoder
)

// Decoder reads events from JSON text, one object each. Names of objects within
// objects are joined by dots; the wrappings of the usual shippers of Windows
// events are taken off, so that fields are called as rules call them. It
// belongs to one goroutine.
type Decoder struct {
	Zone  *time.Location // of times that name none; nil is UTC
	names map[string]*known
	path  []byte
	src   []byte
	pos   int
	deep  int
	ev    *Event
	timed int // rank of the field that the time was taken from
}

// known is what a decoder remembers of a path.
type known struct {
	name string
	rank int // as a time of the event; 0 is none
}

// NewDecoder makes a decoder.
func NewDecoder() *Decoder { return &Decoder{names: map[string]*known{}} }

// ParseJSON reads one object into ev, which it empties first. Values without
// escapes point into line. A key that comes twice gives two values, an array
// one for each element. After an error ev holds what was read before it.
func (d *Decoder) ParseJSON(line []byte, ev *Event) error {
	ev.Reset()
	d.src, d.pos, d.deep, d.ev, d.path, d.timed = line, 0, 0, ev, d.path[:0], 0
	defer func() { d.src, d.ev = nil, nil }()
	d.blank()
	if d.pos >= len(d.src) || d.src[d.pos] != '{' {
		return d.fail("an object should begin here")
	}
	if err := d.object(); err != nil {
		return err
	}
	d.blank()
	if d.pos < len(d.src) {
		return d.fail("something follows the object")
	}
	return nil
}

func (d *Decoder) fail(what string) error {
	return fmt.Errorf("JSON, byte %d: %s", d.pos, what)
}

func (d *Decoder) blank() {
	for d.pos < len(d.src) {
		switch d.src[d.pos] {
		case ' ', '\t', '\r', '\n':
			d.pos++
		default:
			return
		}
	}
}

// object reads the members of an object; the path stands at its name.
func (d *Decoder) object() error {
	if d.deep++; d.deep > maxDeep {
		return d.fail(fmt.Sprintf("nested deeper than %d", maxDeep))
	}
	d.pos++
	d.blank()
	if d.pos < len(d.src) && d.src[d.pos] == '}' {
		d.pos++
		d.deep--
		return nil
	}
	base := len(d.path)
	for {
		d.blank()
		if d.pos >= len(d.src) || d.src[d.pos] != '"' {
			return d.fail("a name in quotes should stand here")
		}
		key, err := d.text()
		if err != nil {
			return err
		}
		if base > 0 {
			d.path = append(d.path, '.')
		}
		d.path = append(d.path, key...)
		if len(d.path) > maxPath {
			return d.fail(fmt.Sprintf("the name is longer than %d bytes", maxPath))
		}
		d.blank()
		if d.pos >= len(d.src) || d.src[d.pos] != ':' {
			return d.fail("a colon should stand here")
		}
		d.pos++
		if err := d.value(); err != nil {
			return err
		}
		d.path = d.path[:base]
		done, err := d.more('}')
		if done || err != nil {
			return err
		}
	}
}

// more reads the comma or the end after a member or an element.
func (d *Decoder) more(end byte) (bool, error) {
	d.blank()
	if d.pos < len(d.src) {
		switch d.src[d.pos] {
		case ',':
			d.pos++
			return false, nil
		case end:
			d.pos++
			d.deep--
			return true, nil
		}
	}
	return false, d.fail("a comma or the end should stand here")
}

func (d *Decoder) array() error {
	if d.deep++; d.deep > maxDeep {
		return d.fail(fmt.Sprintf("nested deeper than %d", maxDeep))
	}
	d.pos++
	d.blank()
	if d.pos < len(d.src) && d.src[d.pos] == ']' {
		d.pos++
		d.deep--
		return nil
	}
	for {
		if err := d.value(); err != nil {
			return err
		}
		done, err := d.more(']')
		if done || err != nil {
			return err
		}
	}
}

func (d *Decoder) value() error {
	d.blank()
	if d.pos >= len(d.src) {
		return d.fail("a value should stand here")
	}
	switch c := d.src[d.pos]; {
	case c == '"':
		v, err := d.text()
		if err != nil {
			return err
		}
		d.emit(Text, v)
		return nil
	case c == '{':
		return d.object()
	case c == '[':
		return d.array()
	case c == '-' || c >= '0' && c <= '9':
		return d.number()
	}
	for _, w := range []struct {
		text string
		kind Kind
	}{{"null", Null}, {"true", Bool}, {"false", Bool}} {
		if end := d.pos + len(w.text); end <= len(d.src) && string(d.src[d.pos:end]) == w.text {
			d.emit(w.kind, d.src[d.pos:end])
			d.pos = end
			return nil
		}
	}
	return d.fail("a value should stand here")
}

func (d *Decoder) number() error {
	from := d.pos
	if d.src[d.pos] == '-' {
		d.pos++
	}
	run := func() bool {
		at := d.pos
		for d.pos < len(d.src) && d.src[d.pos] >= '0' && d.src[d.pos] <= '9' {
			d.pos++
		}
		return d.pos > at
	}
	if d.pos < len(d.src) && d.src[d.pos] == '0' { // no other digit follows a zero
		d.pos++
	} else if !run() {
		return d.fail("a digit should stand here")
	}
	if d.pos < len(d.src) && d.src[d.pos] == '.' {
		d.pos++
		if !run() {
			return d.fail("a digit should stand here")
		}
	}
	if d.pos < len(d.src) && d.src[d.pos]|0x20 == 'e' {
		d.pos++
		if d.pos < len(d.src) && (d.src[d.pos] == '+' || d.src[d.pos] == '-') {
			d.pos++
		}
		if !run() {
			return d.fail("a digit should stand here")
		}
	}
	d.emit(Number, d.src[from:d.pos])
	return nil
}

// text reads a string in quotes: a piece of the line when it has no escapes,
// else a copy in the event's own memory.
func (d *Decoder) text() ([]byte, error) {
	d.pos++
	from := d.pos
	for d.pos < len(d.src) {
		switch c := d.src[d.pos]; {
		case c == '"':
			d.pos++
			return d.src[from : d.pos-1], nil
		case c == '\\':
			return d.escaped(from)
		case c < 0x20:
			return nil, d.fail("a control character stands in a text")
		}
		d.pos++
	}
	return nil, d.fail("the text is not closed")
}

func (d *Decoder) escaped(from int) ([]byte, error) {
	at := len(d.ev.buf)
	d.ev.buf = append(d.ev.buf, d.src[from:d.pos]...)
	for d.pos < len(d.src) {
		c := d.src[d.pos]
		switch {
		case c == '"':
			d.pos++
			return d.ev.buf[at:len(d.ev.buf):len(d.ev.buf)], nil
		case c < 0x20:
			return nil, d.fail("a control character stands in a text")
		case c != '\\':
			d.ev.buf = append(d.ev.buf, c)
			d.pos++
			continue
		}
		if d.pos+1 >= len(d.src) {
			break
		}
		if d.src[d.pos+1] == 'u' {
			r, ok := d.unicode()
			if !ok {
				return nil, d.fail("four hexadecimal digits should follow \\u")
			}
			d.ev.buf = utf8.AppendRune(d.ev.buf, r)
			continue
		}
		i := strings.IndexByte(`"\/bfnrt`, d.src[d.pos+1])
		if i < 0 {
			return nil, d.fail("no such escape")
		}
		d.ev.buf = append(d.ev.buf, "\"\\/\b\f\n\r\t"[i])
		d.pos += 2
	}
	return nil, d.fail("the text is not closed")
}

// unicode reads \uXXXX, and the second half of a pair if it follows; a half
// alone becomes the replacement character.
func (d *Decoder) unicode() (rune, bool) {
	r, ok := hex4(d.src[d.pos+2:])
	if !ok {
		return 0, false
	}
	d.pos += 6
	if utf16.IsSurrogate(r) {
		if rest := d.src[d.pos:]; len(rest) >= 6 && rest[0] == '\\' && rest[1] == 'u' {
			if r2, ok := hex4(rest[2:]); ok {
				if p := utf16.DecodeRune(r, r2); p != utf8.RuneError {
					d.pos += 6
					return p, true
				}
			}
		}
		return utf8.RuneError, true
	}
	return r, true
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

func (d *Decoder) emit(kind Kind, v []byte) {
	if len(d.ev.Fields) >= maxFields {
		d.ev.Skipped++
		return
	}
	k := d.names[string(d.path)]
	if k == nil {
		k = &known{name: bare(string(d.path))}
		k.rank = timeRank[k.name]
		if len(d.names) < maxNames {
			d.names[string(d.path)] = k
		}
	}
	d.ev.Fields = append(d.ev.Fields, Field{Name: k.name, Kind: kind, Value: v})
	if k.rank > d.timed && kind == Text {
		loc := d.Zone
		if loc == nil {
			loc = time.UTC
		}
		if t, _, ok := instant(v, loc); ok {
			d.ev.Time, d.timed = t.UTC(), k.rank
		}
	}
}
