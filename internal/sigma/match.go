package sigma

import (
	"bytes"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// maxPlans is how many different sources an engine prepares for.
const maxPlans = 4096

// plan is what an engine does with the events of one source.
type plan struct {
	parts []planPart
	words int // of the bits of all parts
	rules int // 64-bit words for the rules of all parts
	names map[string]*planName
	any   []scan // keywords: automata for every field
	all   bool   // keywords that only a closer look decides
}

type planPart struct {
	b     *bucket
	bits  int // where its bits begin, in words
	rules int // where its rules begin, in words
}

// planName is what is done with a field of that name.
type planName struct {
	fields []int32
	scans  []scan
}

type scan struct {
	part int
	find *finder
}

// plan prepares for a source, once.
func (e *Engine) plan(s Logsource) *plan {
	if p, ok := e.plans.Load(s); ok {
		return p.(*plan)
	}
	p := e.newPlan(s)
	e.planned.Lock()
	defer e.planned.Unlock()
	if e.nplans < maxPlans {
		if _, had := e.plans.LoadOrStore(s, p); !had {
			e.nplans++
		}
	}
	return p
}

func (e *Engine) newPlan(s Logsource) *plan {
	p := &plan{names: map[string]*planName{}}
	for _, b := range e.buckets {
		if !b.source.feeds(s, e.mapping) {
			continue
		}
		part := planPart{b, p.words, p.rules}
		if a := b.autos[-1]; a != nil {
			p.any = append(p.any, scan{len(p.parts), a})
		}
		for _, x := range b.exprs {
			x.walk(func(x *expr) { p.all = p.all || x.op == opAtom && x.atom.fieldNo < 0 })
		}
		p.parts = append(p.parts, part)
		p.words += (b.nbits + 63) / 64
		p.rules += len(b.always)
	}
	if len(p.parts) == 0 {
		return p
	}
	names := make([]string, 0, len(e.fields))
	for n := range e.fields {
		names = append(names, n)
	}
	for _, f := range e.mapping.fields {
		for n := range f.names {
			names = append(names, n)
		}
	}
	for _, n := range names {
		if p.names[n] == nil {
			if pn := e.planName(p, s, n); pn != nil {
				p.names[strings.Clone(n)] = pn
			}
		}
	}
	return p
}

func (e *Engine) planName(p *plan, s Logsource, name string) *planName {
	pn := &planName{}
	for _, n := range e.mapping.names(s, name) {
		no, ok := e.fields[n]
		if !ok {
			continue
		}
		pn.fields = append(pn.fields, no)
		for i, part := range p.parts {
			if a := part.b.autos[no]; a != nil {
				pn.scans = append(pn.scans, scan{i, a})
			}
		}
	}
	if len(pn.fields) == 0 {
		return nil
	}
	return pn
}

// Matcher asks the rules of an engine about events. It belongs to one
// goroutine.
type Matcher struct {
	e      *Engine
	plans  map[Logsource]*order
	p      *plan
	order  *order
	ev     *Event
	set    []uint64 // bits of literals found
	wake   []uint64 // rules to look at
	fresh  []int32
	folded []byte
	spans  [][2]int // of each field's folded value
	names  []*planName
	part   planPart // whose rules are looked at
	looked uint64
}

// order remembers in which order the fields of a source came last: they mostly
// come so again, and need not be looked up by name.
type order struct {
	p     *plan
	names []string
	found []*planName
}

// NewMatcher makes a matcher.
func (e *Engine) NewMatcher() *Matcher { return &Matcher{e: e, plans: map[Logsource]*order{}} }

// Looked gives how many rules were looked at closely so far.
func (m *Matcher) Looked() uint64 { return m.looked }

// Match appends to out the rules that an event of a routed source matches.
func (m *Matcher) Match(ev *Event, out []*Rule) []*Rule {
	o := m.plans[ev.Source]
	if o == nil {
		o = &order{p: m.e.plan(ev.Source)}
		if len(m.plans) < maxPlans {
			m.plans[ev.Source] = o
		}
	}
	p := o.p
	if len(p.parts) == 0 {
		return out
	}
	m.begin(o, ev)
	m.search()
	for _, part := range p.parts {
		m.part = part
		for w, b := range m.wake[part.rules : part.rules+len(part.b.always)] {
			for ; b != 0; b &= b - 1 {
				i := w<<6 + bits.TrailingZeros64(b)
				m.looked++
				if m.holds(part.b.exprs[i]) {
					out = append(out, part.b.rules[i])
				}
			}
		}
	}
	m.ev = nil
	return out
}

func (m *Matcher) begin(o *order, ev *Event) {
	p := o.p
	m.p, m.order, m.ev = p, o, ev
	m.set = zeroed(m.set, p.words)
	m.wake = zeroed(m.wake, p.rules)
	for _, part := range p.parts {
		copy(m.wake[part.rules:], part.b.always)
	}
	if cap(m.folded) > 1<<20 { // of one huge event
		m.folded = nil
	}
	m.folded, m.spans, m.names = m.folded[:0], m.spans[:0], m.names[:0]
}

func zeroed(b []uint64, n int) []uint64 {
	if cap(b) < n {
		return make([]uint64, n)
	}
	b = b[:n]
	clear(b)
	return b
}

// search folds the values and sets the bits of the literals in them.
func (m *Matcher) search() {
	for i := range m.ev.Fields {
		f := &m.ev.Fields[i]
		n := m.name(i, f.Name)
		m.names = append(m.names, n)
		from := len(m.folded)
		if f.Kind != Null && (n != nil || m.p.all) {
			m.folded = foldValue(m.folded, f)
		}
		m.spans = append(m.spans, [2]int{from, len(m.folded)})
		v := m.folded[from:]
		if len(v) == 0 {
			continue
		}
		if n != nil {
			for _, s := range n.scans {
				m.scan(s, v)
			}
		}
		for _, s := range m.p.any {
			m.scan(s, v)
		}
	}
}

// name finds what is done with the i-th field of an event.
func (m *Matcher) name(i int, name string) *planName {
	o := m.order
	if i < len(o.names) && o.names[i] == name {
		return o.found[i]
	}
	n := m.p.names[name]
	if n == nil && strings.Contains(name, " ") {
		n = m.p.names[strings.ReplaceAll(name, " ", "")]
	}
	if i >= maxFields {
		return n
	}
	if i < len(o.names) {
		o.names[i], o.found[i] = name, n
	} else {
		o.names, o.found = append(o.names, name), append(o.found, n)
	}
	return n
}

func (m *Matcher) scan(s scan, v []byte) {
	part := m.p.parts[s.part]
	m.fresh = s.find.scan(v, m.set[part.bits:], m.fresh[:0])
	b := part.b
	for _, bit := range m.fresh {
		for _, r := range b.wakes[b.first[bit]:b.first[bit+1]] {
			m.wake[part.rules+int(r>>6)] |= 1 << (r & 63)
		}
	}
}

// foldValue folds a value; a number that is not a plain integer is written the
// way rules have it.
func foldValue(dst []byte, f *Field) []byte {
	if f.Kind == Number && bytes.ContainsAny(f.Value, ".eE") && len(f.Value) <= 64 {
		if n, err := strconv.ParseFloat(string(f.Value), 64); err == nil {
			return strconv.AppendFloat(dst, n, 'f', -1, 64)
		}
	}
	return fold(dst, f.Value)
}

func (m *Matcher) holds(e *expr) bool {
	switch e.op {
	case opAtom:
		return m.atom(e.atom)
	case opAnd:
		for _, k := range e.kids {
			if !m.holds(k) {
				return false
			}
		}
		return true
	case opOr:
		for _, k := range e.kids {
			if m.holds(k) {
				return true
			}
		}
		return false
	case opNot:
		return !m.holds(e.kids[0])
	}
	n := 0
	for _, k := range e.kids {
		if m.holds(k) {
			if n++; n >= e.n {
				return true
			}
		}
	}
	return false
}

func (m *Matcher) atom(a *atom) bool {
	if a.bit >= 0 {
		found := m.set[m.part.bits+int(a.bit>>6)]>>(a.bit&63)&1 != 0
		if !found || a.ask == askLiteral {
			return found
		}
	}
	switch a.ask {
	case askExists:
		return m.exists(a.fieldNo) == a.exists
	case askNull:
		return m.null(a.fieldNo)
	}
	for i := range m.ev.Fields {
		if !m.named(i, a.fieldNo) {
			continue
		}
		if a.ask == askRef {
			if m.refers(a, i) {
				return true
			}
		} else if a.value(&m.ev.Fields[i], m.folded[m.spans[i][0]:m.spans[i][1]]) {
			return true
		}
	}
	return false
}

func (m *Matcher) named(i int, field int32) bool {
	return field < 0 || m.names[i] != nil && slices.Contains(m.names[i].fields, field)
}

func (m *Matcher) exists(field int32) bool {
	for i := range m.ev.Fields {
		if m.named(i, field) {
			return true
		}
	}
	return false
}

// null holds for a field that is not there or has no value but null.
func (m *Matcher) null(field int32) bool {
	for i := range m.ev.Fields {
		if m.ev.Fields[i].Kind != Null && m.named(i, field) {
			return false
		}
	}
	return true
}

// refers compares the i-th value with those of the field that the atom names.
func (m *Matcher) refers(a *atom, i int) bool {
	if m.ev.Fields[i].Kind == Null {
		return false
	}
	for j := range m.ev.Fields {
		if m.ev.Fields[j].Kind == Null || !m.named(j, a.refNo) {
			continue
		}
		v, w := m.ev.Fields[i].Value, m.ev.Fields[j].Value
		if !a.cased {
			v, w = m.folded[m.spans[i][0]:m.spans[i][1]], m.folded[m.spans[j][0]:m.spans[j][1]]
		}
		if placedAt(v, w, a.start, a.end) {
			return true
		}
	}
	return false
}
