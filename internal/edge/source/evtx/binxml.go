package evtx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"

	"filo/internal/edge/source/reading"
)

// Tokens of binary XML; the bit 0x40 says that more follows.
const (
	tokEnd        = 0x00
	tokOpen       = 0x01
	tokCloseStart = 0x02
	tokCloseEmpty = 0x03
	tokEndElement = 0x04
	tokValue      = 0x05
	tokAttribute  = 0x06
	tokCDATA      = 0x07
	tokCharRef    = 0x08
	tokEntity     = 0x09
	tokPITarget   = 0x0a
	tokPIData     = 0x0b
	tokTemplate   = 0x0c
	tokSubst      = 0x0d
	tokOptional   = 0x0e
	tokFragment   = 0x0f
	tokMore       = 0x40
)

// Limits of what one record may unfold to.
const (
	maxDepth  = 32
	maxValues = 4096
	maxSteps  = 20_000
)

var errXML = errors.New("binary XML is damaged")

func bad(what string, at int) error { return fmt.Errorf("%w: %s at %d", errXML, what, at) }

// walker reads the binary XML of one record and tells its elements to an event.
type walker struct {
	b     []byte // the chunk: names and templates lie anywhere in it
	at    int
	end   int
	ev    *event
	depth int
	steps int // that are left
}

func (w *walker) u8() (byte, error) {
	if w.at >= w.end {
		return 0, bad("end", w.at)
	}
	w.at++
	return w.b[w.at-1], nil
}

func (w *walker) u16() (int, error) {
	if w.at+2 > w.end {
		return 0, bad("end", w.at)
	}
	w.at += 2
	return int(binary.LittleEndian.Uint16(w.b[w.at-2:])), nil
}

func (w *walker) u32() (int, error) {
	if w.at+4 > w.end {
		return 0, bad("end", w.at)
	}
	w.at += 4
	return int(binary.LittleEndian.Uint32(w.b[w.at-4:])), nil
}

// counted reads a text with its length in characters in front.
func (w *walker) counted() ([]byte, error) {
	n, err := w.u16()
	if err != nil || w.at+2*n > w.end {
		return nil, bad("text", w.at)
	}
	w.at += 2 * n
	return reading.FromUTF16(nil, w.b[w.at-2*n:w.at], reading.UTF16LE), nil
}

// name reads the place of a name and the name, which stands there already or
// follows here for the first time.
func (w *walker) name() (string, error) {
	off, err := w.u32()
	if err != nil {
		return "", err
	}
	n, size, ok := w.nameAt(off)
	if !ok {
		return "", bad("name", off)
	}
	if off == w.at {
		w.at += size
	}
	return n, nil
}

// nameAt reads a name: the place of the next one, a hash, its length, its
// characters and a zero.
func (w *walker) nameAt(off int) (name string, size int, ok bool) {
	if off < 128 || off+8 > len(w.b) {
		return "", 0, false
	}
	n := int(binary.LittleEndian.Uint16(w.b[off+6:]))
	size = 8 + 2*n + 2
	if n == 0 || n > 512 || off+size > len(w.b) {
		return "", 0, false
	}
	raw := w.b[off+8 : off+8+2*n]
	hash := uint32(0)
	for i := 0; i < len(raw); i += 2 {
		hash = hash*65599 + uint32(binary.LittleEndian.Uint16(raw[i:]))
	}
	if uint16(hash) != binary.LittleEndian.Uint16(w.b[off+4:]) {
		return "", 0, false
	}
	return string(reading.FromUTF16(nil, raw, reading.UTF16LE)), size, true
}

// fragment reads tokens up to the end of the document or of its bytes. vals are
// what takes the place of substitutions; nil outside of a template.
func (w *walker) fragment(vals []value) error {
	if w.depth++; w.depth > maxDepth {
		return bad("nesting", w.at)
	}
	defer func() { w.depth-- }()
	for w.at < w.end {
		done, err := w.token(vals)
		if err != nil || done {
			return err
		}
	}
	return nil
}

// token reads one token of content; done says that what it belongs to ended.
func (w *walker) token(vals []value) (done bool, err error) {
	if w.steps--; w.steps < 0 || w.ev.full {
		return false, bad("unfolding", w.at)
	}
	at := w.at
	t, err := w.u8()
	if err != nil {
		return false, err
	}
	switch t &^ tokMore {
	case tokEnd, tokEndElement:
		return true, nil
	case tokFragment:
		w.at = min(w.at+3, w.end)
	case tokTemplate:
		err = w.template()
	case tokOpen:
		err = w.element(t&tokMore != 0, vals)
	case tokValue, tokCDATA, tokCharRef, tokEntity, tokSubst, tokOptional:
		err = w.text(t&^tokMore, vals)
	case tokPITarget:
		_, err = w.name()
	case tokPIData:
		_, err = w.counted()
	default:
		err = bad(fmt.Sprintf("token %#x", t), at)
	}
	return false, err
}

// element reads an element behind its token. Its head names what it depends on
// in a template, and does not where it stands alone, as in forwarded events;
// which of the two it is shows in where its name would lie.
func (w *walker) element(attributes bool, vals []value) error {
	from := w.at
	head := -1
	for _, n := range [...]int{6, 4} {
		if w.at+n+4 > w.end {
			continue
		}
		off := int(binary.LittleEndian.Uint32(w.b[w.at+n:]))
		if _, _, ok := w.nameAt(off); ok && (off == w.at+n+4 || off < from) {
			head = n
			break
		}
	}
	if head < 0 {
		return bad("element", from)
	}
	w.at += head
	name, err := w.name()
	if err != nil {
		return err
	}
	w.ev.open(name)
	defer w.ev.close()
	if attributes {
		if _, err := w.u32(); err != nil {
			return err
		}
	}
	if empty, err := w.attributes(vals); err != nil || empty {
		return err
	}
	if w.depth++; w.depth > maxDepth {
		return bad("nesting", w.at)
	}
	defer func() { w.depth-- }()
	for {
		done, err := w.token(vals)
		if err != nil || done {
			return err
		}
	}
}

// attributes reads up to the end of an element's head; empty says that it has
// no content.
func (w *walker) attributes(vals []value) (empty bool, err error) {
	for {
		t, err := w.u8()
		if err != nil {
			return false, err
		}
		if w.steps--; w.steps < 0 || w.ev.full {
			return false, bad("unfolding", w.at)
		}
		switch t &^ tokMore {
		case tokCloseStart, tokCloseEmpty:
			w.ev.attribute("")
			return t&^tokMore == tokCloseEmpty, nil
		case tokAttribute:
			name, err := w.name()
			if err != nil {
				return false, err
			}
			w.ev.attribute(name)
		case tokValue, tokCDATA, tokCharRef, tokEntity, tokSubst, tokOptional:
			if err := w.text(t&^tokMore, vals); err != nil {
				return false, err
			}
		default:
			return false, bad(fmt.Sprintf("token %#x", t), w.at-1)
		}
	}
}

// text reads what gives characters.
func (w *walker) text(t byte, vals []value) error {
	switch t {
	case tokValue:
		kind, err := w.u8()
		if err != nil {
			return err
		}
		if kind == typeString {
			s, err := w.counted()
			w.ev.text(s, false)
			return err
		}
		n := max(fixed(kind), 1)
		if w.at+n > w.end {
			return bad("value", w.at)
		}
		w.ev.text(text(nil, kind, w.b[w.at:w.at+n]), false)
		w.at += n
		return nil
	case tokCDATA:
		s, err := w.counted()
		w.ev.text(s, false)
		return err
	case tokCharRef:
		c, err := w.u16()
		w.ev.text(utf8.AppendRune(nil, rune(c)), false)
		return err
	case tokEntity:
		name, err := w.name()
		chars := map[string]string{"lt": "<", "gt": ">", "amp": "&", "quot": `"`, "apos": "'"}
		s, ok := chars[name]
		if !ok {
			s = "&" + name + ";"
		}
		w.ev.text([]byte(s), false)
		return err
	}
	id, err := w.u16()
	if err != nil {
		return err
	}
	if _, err := w.u8(); err != nil { // the type stands with the value too
		return err
	}
	if id >= len(vals) {
		return bad("substitution", w.at)
	}
	return w.substitute(&vals[id])
}

func (w *walker) substitute(v *value) error {
	if v.null() {
		w.ev.absent()
		return nil
	}
	if v.kind == typeXML {
		inner := *w
		inner.at, inner.end = v.at, v.at+len(v.b)
		err := inner.fragment(nil)
		w.steps = inner.steps
		return err
	}
	v.texts(func(s []byte) { w.ev.text(s, v.kind&typeArray != 0) })
	return nil
}

// template reads a template, which stands here or elsewhere in the chunk, and
// the values that this record puts into it.
func (w *walker) template() error {
	if _, err := w.u8(); err != nil {
		return err
	}
	if _, err := w.u32(); err != nil { // part of its GUID
		return err
	}
	off, err := w.u32()
	if err != nil {
		return err
	}
	const top = 24 // next template, GUID, size
	if off < 128 || off+top > len(w.b) {
		return bad("template", off)
	}
	size := int(binary.LittleEndian.Uint32(w.b[off+20:]))
	if size > len(w.b)-off-top {
		return bad("template's size", off)
	}
	if off == w.at {
		w.at += top + size
	}
	vals, err := w.values()
	if err != nil {
		return err
	}
	body := *w
	body.at, body.end = off+top, off+top+size
	err = body.fragment(vals)
	w.steps = body.steps
	return err
}

func (w *walker) values() ([]value, error) {
	n, err := w.u32()
	if err != nil || n > maxValues || w.at+4*n > w.end {
		return nil, bad("values", w.at)
	}
	vals := make([]value, n)
	data := w.at + 4*n
	for i := range vals {
		size := int(binary.LittleEndian.Uint16(w.b[w.at+4*i:]))
		if data+size > w.end {
			return nil, bad("value", data)
		}
		vals[i] = value{kind: w.b[w.at+4*i+2], at: data, b: w.b[data : data+size]}
		data += size
	}
	w.at = data
	return vals, nil
}
