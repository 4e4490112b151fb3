package evtx

import (
	"encoding/binary"
	"hash/crc32"
	"time"
	"unicode/utf16"
)

// encoder makes chunks as Windows lays them out: names and templates stand where
// they are first used, and are pointed to afterwards.
type encoder struct {
	b         []byte
	names     map[string]int
	templates map[string]int
	first     uint64
	last      uint64
}

func newEncoder() *encoder {
	return &encoder{b: make([]byte, chunkHead, chunkSize), names: map[string]int{}, templates: map[string]int{}}
}

func (e *encoder) u8(v ...byte)  { e.b = append(e.b, v...) }
func (e *encoder) u16(v int)     { e.b = binary.LittleEndian.AppendUint16(e.b, uint16(v)) }
func (e *encoder) u32(v int)     { e.b = binary.LittleEndian.AppendUint32(e.b, uint32(v)) }
func (e *encoder) u64(v uint64)  { e.b = binary.LittleEndian.AppendUint64(e.b, v) }
func (e *encoder) put(at, v int) { binary.LittleEndian.PutUint32(e.b[at:], uint32(v)) }

func wide(s string) (b []byte) {
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

func (e *encoder) name(s string) {
	if at, ok := e.names[s]; ok {
		e.u32(at)
		return
	}
	at := len(e.b) + 4
	e.names[s] = at
	e.u32(at)
	e.u32(0)
	hash := uint32(0)
	for _, u := range utf16.Encode([]rune(s)) {
		hash = hash*65599 + uint32(u)
	}
	e.u16(int(uint16(hash)))
	w := wide(s)
	e.u16(len(w) / 2)
	e.b = append(append(e.b, w...), 0, 0)
}

// node is an element of a test's document. Its text, and that of an attribute,
// is fixed, or with "%3" a value of the record.
type node struct {
	name  string
	attrs []string // name, text, name, text
	text  string
	kids  []node
}

func (e *encoder) text(s string) {
	if len(s) > 1 && s[0] == '%' {
		e.u8(tokOptional)
		e.u16(int(s[1] - '0'))
		e.u8(typeString)
		return
	}
	e.u8(tokValue, typeString)
	w := wide(s)
	e.u16(len(w) / 2)
	e.b = append(e.b, w...)
}

func (e *encoder) element(n node, inTemplate bool) {
	open := byte(tokOpen)
	if len(n.attrs) > 0 {
		open |= tokMore
	}
	e.u8(open)
	if inTemplate {
		e.u16(0xffff)
	}
	e.u32(0) // size, which nobody needs
	e.name(n.name)
	if len(n.attrs) > 0 {
		e.u32(0)
	}
	for i := 0; i < len(n.attrs); i += 2 {
		e.u8(tokAttribute)
		e.name(n.attrs[i])
		e.text(n.attrs[i+1])
	}
	if n.text == "" && len(n.kids) == 0 {
		e.u8(tokCloseEmpty)
		return
	}
	e.u8(tokCloseStart)
	if n.text != "" {
		e.text(n.text)
	}
	for _, k := range n.kids {
		e.element(k, inTemplate)
	}
	e.u8(tokEndElement)
}

// instance writes a template, or points to it, and the values for it.
func (e *encoder) instance(id string, doc node, vals []value) {
	e.u8(tokFragment, 1, 1, 0, tokTemplate, 1)
	e.u32(7)
	at, known := e.templates[id]
	if !known {
		at = len(e.b) + 4
		e.templates[id] = at
	}
	e.u32(at)
	if !known {
		e.b = append(e.b, make([]byte, 20)...)
		size := len(e.b)
		e.u32(0)
		e.u8(tokFragment, 1, 1, 0)
		e.element(doc, true)
		e.u8(tokEnd)
		e.put(size, len(e.b)-size-4)
	}
	e.u32(len(vals))
	for _, v := range vals {
		e.u16(len(v.b))
		e.u8(v.kind, 0)
	}
	for _, v := range vals {
		e.b = append(e.b, v.b...)
	}
}

func at(id uint64) time.Time {
	return time.Date(2026, 11, 25, 9, 30, int(id%60), 0, time.UTC)
}

func fileTime(t time.Time) uint64 { return uint64(t.Unix()+11644473600) * 1e7 }

// record frames what body writes.
func (e *encoder) record(id uint64, body func()) (from int) {
	from = len(e.b)
	e.b = append(e.b, recordMagic...)
	e.u32(0)
	e.u64(id)
	e.u64(fileTime(at(id)))
	body()
	e.u8(tokEnd)
	for len(e.b)%8 != 4 {
		e.u8(0)
	}
	n := len(e.b) - from + 4
	e.put(from+4, n)
	e.u32(n)
	if e.first == 0 {
		e.first = id
	}
	e.last = id
	return from
}

// chunk closes the chunk with a head that promises what is in it.
func (e *encoder) chunk() []byte {
	free := len(e.b)
	b := append(e.b, make([]byte, chunkSize-free)...)
	copy(b, chunkMagic)
	le := binary.LittleEndian
	le.PutUint64(b[8:], e.first)
	le.PutUint64(b[16:], e.last)
	le.PutUint64(b[24:], e.first)
	le.PutUint64(b[32:], e.last)
	le.PutUint32(b[40:], 128)
	le.PutUint32(b[48:], uint32(free))
	le.PutUint32(b[52:], crc32.ChecksumIEEE(b[chunkHead:free]))
	le.PutUint32(b[124:], crc32.Update(crc32.ChecksumIEEE(b[:120]), crc32.IEEETable, b[128:chunkHead]))
	return b
}

func file(dirty bool, chunks ...[]byte) []byte {
	b := make([]byte, firstChunk)
	copy(b, fileMagic)
	le := binary.LittleEndian
	le.PutUint32(b[32:], 128)
	le.PutUint16(b[36:], 1)
	le.PutUint16(b[38:], 3)
	le.PutUint16(b[40:], firstChunk)
	le.PutUint16(b[42:], uint16(len(chunks)))
	if dirty {
		b[120] = 1
	}
	le.PutUint32(b[124:], crc32.ChecksumIEEE(b[:120]))
	for _, c := range chunks {
		b = append(b, c...)
	}
	return b
}

// failedLogon is the document of a failed log-on.
var failedLogon = node{name: "Event", attrs: []string{"xmlns", "http://schemas.microsoft.com/win/2004/08/events/event"}, kids: []node{
	{name: "System", kids: []node{
		{name: "Provider", attrs: []string{"Name", "Microsoft-Windows-Security-Auditing"}},
		{name: "EventID", text: "%0"},
		{name: "TimeCreated", attrs: []string{"SystemTime", "%1"}},
		{name: "EventRecordID", text: "%2"},
		{name: "Channel", text: "Security"},
		{name: "Computer", text: "dc1.comune.example"},
	}},
	{name: "EventData", kids: []node{
		{name: "Data", attrs: []string{"Name", "TargetUserName"}, text: "%3"},
		{name: "Data", attrs: []string{"Name", "IpAddress"}, text: "%4"},
		{name: "Data", attrs: []string{"Name", "IpPort"}, text: "%5"},
		{name: "Data", attrs: []string{"Name", "Status"}, text: "%6"},
	}},
}}

func num16(v uint16) []byte { return binary.LittleEndian.AppendUint16(nil, v) }
func num32(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }
func num64(v uint64) []byte { return binary.LittleEndian.AppendUint64(nil, v) }

func (e *encoder) logon(id uint64, user string) int {
	return e.record(id, func() {
		e.instance("logon", failedLogon, []value{
			{kind: 0x06, b: num16(4625)},
			{kind: typeFiletime, b: num64(fileTime(at(id)))},
			{kind: 0x0a, b: num64(id)},
			{kind: typeString, b: wide(user)},
			{kind: typeString, b: wide("203.0.113.9")},
			{kind: typeString, b: wide("50111")},
			{kind: typeHex32, b: num32(0xc000006d)},
		})
	})
}
