package evtx

import (
	"bytes"
	"strings"

	"filo/internal/edge/source/reading"
)

// maxText bounds what one event may become, before it is cut to a line.
const maxText = 128 << 10

// event collects the elements of a record as named values, under the names that
// rules for Windows know: those of System and EventData without their path, an
// attribute behind its element (Provider_Name).
type event struct {
	names  []string
	values [][][]byte
	index  map[string]int
	stack  []elem
	attr   string
	size   int
	limit  int
	full   bool
}

type elem struct {
	name string
	data string // the Name of a Data element
	own  bool   // has text of its own
	last int    // where its text went, -1 nowhere yet
}

func newEvent() *event { return &event{index: map[string]int{}} }

func (e *event) reset(limit int) {
	e.names, e.values, e.stack, e.attr, e.size, e.limit, e.full = e.names[:0], e.values[:0], e.stack[:0], "", 0, limit, false
	clear(e.index)
}

func (e *event) open(name string) { e.stack = append(e.stack, elem{name: name, last: -1}) }

func (e *event) close() {
	if n := len(e.stack); n > 0 {
		e.stack = e.stack[:n-1]
	}
}

func (e *event) attribute(name string) { e.attr = name }

// absent is a value that the record leaves out.
func (e *event) absent() {}

// text takes characters of the element or attribute that is open; item says
// that they are one of several values.
func (e *event) text(s []byte, item bool) {
	n := len(e.stack)
	if n == 0 {
		return
	}
	el := &e.stack[n-1]
	if e.attr != "" {
		e.attributeText(el, s)
		return
	}
	if len(bytes.TrimSpace(s)) == 0 && !el.own && el.data == "" {
		return // white space between elements
	}
	if el.last < 0 || item {
		el.last = e.put(e.nameOf(el), s)
		el.own = true
		return
	}
	e.more(el.last, s)
}

func (e *event) attributeText(el *elem, s []byte) {
	switch a := el.name + " " + e.attr; {
	case e.attr == "xmlns" || strings.HasPrefix(e.attr, "xmlns:"):
	case e.attr == "Name" && (el.name == "Data" || el.name == "ComplexData"):
		el.data += string(s[:min(len(s), 256)])
	case a == "TimeCreated SystemTime":
		e.put("TimeCreated", s)
	default:
		e.put(el.name+"_"+e.attr, s)
	}
}

// nameOf gives the name of the element that is open: its own, that of Data, and
// under RenderingInfo the text that the forwarding machine made of it.
func (e *event) nameOf(el *elem) string {
	name := el.name
	if el.data != "" {
		name = el.data
	}
	if len(e.stack) > 1 && e.stack[1].name == "RenderingInfo" && name != "Message" {
		return "Rendered_" + name
	}
	if _, taken := e.index[name]; taken && len(e.stack) > 1 && e.stack[1].name != "System" && inSystem[name] {
		return e.stack[1].name + "." + name
	}
	return name
}

// inSystem are the names that an event's own data may not take.
var inSystem = map[string]bool{
	"EventID": true, "Version": true, "Level": true, "Task": true, "Opcode": true, "Keywords": true, "TimeCreated": true,
	"EventRecordID": true, "Channel": true, "Computer": true, "Provider_Name": true,
}

func (e *event) put(name string, s []byte) int {
	if e.size += len(name) + len(s); e.size > e.limit {
		e.full = true
		return -1
	}
	i, ok := e.index[name]
	if !ok {
		i = len(e.names)
		e.index[name] = i
		e.names = append(e.names, name)
		e.values = append(e.values, nil)
	}
	e.values[i] = append(e.values[i], bytes.Clone(s))
	return i
}

// more goes on with the value put last under a name.
func (e *event) more(i int, s []byte) {
	if i < 0 {
		return
	}
	if e.size += len(s); e.size > e.limit {
		e.full = true
		return
	}
	list := e.values[i]
	list[len(list)-1] = append(list[len(list)-1], s...)
}

// line appends the event as one JSON object.
func (e *event) line(dst []byte) []byte {
	dst = append(dst, '{')
	for i, name := range e.names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(reading.Quote(dst, name), ':')
		list := e.values[i]
		if len(list) > 1 {
			dst = append(dst, '[')
		}
		for j, s := range list {
			if j > 0 {
				dst = append(dst, ',')
			}
			if numeric[name] && plainNumber(s) {
				dst = append(dst, s...)
			} else {
				dst = reading.Quote(dst, s)
			}
		}
		if len(list) > 1 {
			dst = append(dst, ']')
		}
	}
	return append(dst, '}')
}

var numeric = map[string]bool{"EventID": true, "EventRecordID": true, "Version": true, "Level": true, "Task": true, "Opcode": true}

func plainNumber(s []byte) bool {
	return len(s) > 0 && len(s) < 19 && len(bytes.Trim(s, "0123456789")) == 0 && (s[0] != '0' || len(s) == 1)
}
