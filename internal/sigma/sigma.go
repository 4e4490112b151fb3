// Package sigma reads the public language of detection rules and looks for what
// they describe in the events of a Comune: thousands of eyes of the profession,
// lent to an office that has no analyst. It follows the Sigma specification
// 2.1.0 of 2 August 2025: rules, modifiers, correlations and filters.
//
// Rules are read with ReadRules, compiled for the sources that a host really
// has with Compile, and asked about each event by a Matcher; a Correlator joins
// what they find. Which kind of source an event comes from, and how its fields
// are called there, are data: routing.yml and mapping.yml. Whoever wrote a rule
// is named with every match of it, as its licence wants.
//
// What the specification leaves open is decided so, and each has its test:
//
//   - null holds for a field that is missing or null; the empty text only for a
//     field that is there and empty; exists for one that is there at all.
//   - neq is the negation of the plain question: a missing field is different.
//   - of several values of a field, one is enough, also under all, where each
//     wanted text may stand in another value.
//   - a filter says what to leave out: rule AND NOT filter.
//   - value_percentile without a percentile is how rare a value is, in percent.
//   - a correlation with a limit from above is judged when its span is over.
//   - a match that lacks a field of group-by belongs to no group and is counted.
package sigma

import (
	"bytes"
	"time"
)

// Kind tells what a value is.
type Kind uint8

// The kinds. A field that the event lacks has no Field at all; the empty text
// is a Text of no bytes.
const (
	Null Kind = iota
	Text
	Number // Value is its decimal text
	Bool   // Value is true or false
)

// Field is one named value of an event. A list is several fields of one name.
type Field struct {
	Name  string
	Kind  Kind
	Value []byte
}

// Event is what one record says. Its bytes belong to whoever filled it and must
// stay as they are until the matching is over.
type Event struct {
	Fields  []Field
	Source  Logsource
	Time    time.Time // as the event itself says; zero when it says none
	Skipped int       // values that did not fit the limits of an event
	buf     []byte    // unescaped texts
}

// Reset empties an event and keeps its memory.
func (ev *Event) Reset() {
	ev.Fields, ev.buf = ev.Fields[:0], ev.buf[:0]
	ev.Source, ev.Time, ev.Skipped = Logsource{}, time.Time{}, 0
}

// Add puts a text in.
func (ev *Event) Add(name string, value []byte) {
	ev.Fields = append(ev.Fields, Field{Name: name, Kind: Text, Value: value})
}

// Get gives the first value of a name.
func (ev *Event) Get(name string) (Field, bool) {
	for _, f := range ev.Fields {
		if f.Name == name {
			return f, true
		}
	}
	return Field{}, false
}

// Clone copies an event together with its bytes.
func (ev *Event) Clone() *Event {
	out := *ev
	out.buf = nil
	out.Fields = make([]Field, len(ev.Fields))
	for i, f := range ev.Fields {
		out.Fields[i] = Field{Name: f.Name, Kind: f.Kind, Value: bytes.Clone(f.Value)}
	}
	return &out
}

// Logsource says which kind of log a rule is about, or an event comes from. In
// a rule an empty part stands for any.
type Logsource struct {
	Product, Category, Service string
}

// String writes it as people name it: product/category/service.
func (l Logsource) String() string {
	part := func(s string) string {
		if s == "" {
			return "*"
		}
		return s
	}
	return part(l.Product) + "/" + part(l.Category) + "/" + part(l.Service)
}

// feeds reports whether events of source s are among those a rule's l asks for.
func (l Logsource) feeds(s Logsource, m *Mapping) bool {
	return (l.Product == "" || l.Product == s.Product) &&
		(l.Service == "" || l.Service == s.Service) &&
		(l.Category == "" || l.Category == s.Category || m.within(s.Category, l.Category))
}

// Problem is something that a rule lacks, or that is wrong with it. A rule with
// a problem does not watch; the others do.
type Problem struct {
	File  string
	Line  int
	Rule  string // id, or title of a rule without one
	What  string
	Hint  string
	Count int // how many rules it is about; 0 stands for one
}
