package sigma

import (
	"cmp"
	"container/heap"
	"encoding/binary"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"time"
)

// Limits of the state of a Correlator, unless it is given others.
const (
	DefaultGroups = 50_000
	DefaultItems  = 250_000
)

// Finding is a correlation that holds.
type Finding struct {
	Rule        *Rule
	Group       []GroupValue
	Count       float64 // what the condition is about: events, values, sum, mean, percentile, rules
	Events      int     // that contributed, of those still remembered
	First, Last time.Time
	Samples     []string // values of the field, or the rules that fired
	New         bool     // false: told before, and the events have doubled since
	Capped      bool     // more was seen than is remembered: Count is a least value, or a sample's
}

// GroupValue is one field of group-by with its value.
type GroupValue struct{ Field, Value string }

// Counters of what a Correlator could not use.
type Counters struct {
	Evicted   uint64 // groups given up for lack of room
	Ungrouped uint64 // matches that lack a field of group-by
	Valueless uint64 // matches that lack the field, or a number in it
	Timeless  uint64 // matches of events without a time
	Late      uint64 // matches older than the span before the newest of their group
}

// Correlator keeps what correlations need to remember. It works on the time of
// events, so that an old file gives what it would have given then; events may
// come in any order within the span. Limits from below hold over a sliding
// window and are told at once; with a limit from above a window begins with its
// first event and is judged when Advance says that it is over. It belongs to
// one goroutine.
type Correlator struct {
	MaxGroups, MaxItems int
	Counters            Counters

	e      *Engine
	links  []*link
	by     map[*Rule][]feeder
	groups map[string]*group
	oldest group // ring: next is the group that was fed least recently
	items  int
	due    dues
	key    []byte
	raw    []byte // of the value at hand
	folded []byte
}

// FNV-1a, by hand: the library's works on an interface.
const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

// link is a correlation at work.
type link struct {
	rule  *Rule
	c     *Correlation
	print uint64 // of its definition
}

// feeder says that a rule feeds a link as the place-th of its rules.
type feeder struct{ link, place int }

// group is what one correlation remembers of one combination of group-by.
type group struct {
	key        string
	link       int
	shown      []string
	items      []memo // by time
	grain      int64  // to which times are rounded down, once there are many
	fired      bool
	told       int
	capped     bool
	closes     int64 // patient correlations: when the window is over
	prev, next *group
}

// memo is one event, or several of one moment.
type memo struct {
	at    int64
	start int64 // ordered: when the latest chain that ends here began
	n     uint32
	place uint16
	hash  uint64
	x     float64
	text  string // a sample of the value
}

// NewCorrelator makes a correlator for the correlations of an engine.
func (e *Engine) NewCorrelator() *Correlator {
	c := &Correlator{MaxGroups: DefaultGroups, MaxItems: DefaultItems, e: e, by: map[*Rule][]feeder{}, groups: map[string]*group{}}
	c.oldest.next, c.oldest.prev = &c.oldest, &c.oldest
	ids := map[string]*Rule{}
	for _, list := range [][]*Rule{e.rules, e.linked} {
		for _, r := range list {
			ids[r.ID] = r
			if r.Name != "" && ids[r.Name] == nil {
				ids[r.Name] = r
			}
		}
	}
	for _, r := range e.linked {
		c.links = append(c.links, &link{r, r.Correlation, fingerprint(r)})
		for place, name := range r.Correlation.Rules {
			if from := ids[name]; from != nil {
				// Places from the last: an event does not follow itself.
				c.by[from] = slices.Insert(c.by[from], 0, feeder{len(c.links) - 1, place})
			}
		}
	}
	return c
}

func fingerprint(r *Rule) uint64 {
	h := fnv.New64a()
	c := r.Correlation
	for _, s := range [][]string{{r.Key(), c.Type, c.Span.String()}, c.Rules, c.GroupBy, c.Fields} {
		h.Write([]byte(strings.Join(s, "\x00") + "\x01"))
	}
	for _, b := range c.Bounds {
		h.Write(binary.BigEndian.AppendUint64([]byte(b.Op), math.Float64bits(b.Value)))
	}
	h.Write(binary.BigEndian.AppendUint64(nil, math.Float64bits(c.Percentile)))
	return h.Sum64()
}

// Groups gives how many groups are remembered.
func (c *Correlator) Groups() int { return len(c.groups) }

// Feed takes in the rules that an event matched and appends the correlations
// that hold now.
func (c *Correlator) Feed(hits []*Rule, ev *Event, out []Finding) []Finding {
	for _, r := range hits {
		if len(c.by[r]) == 0 {
			continue
		}
		if ev.Time.IsZero() {
			c.Counters.Timeless++
			continue
		}
		out = c.feed(r, ev, out)
	}
	return out
}

func (c *Correlator) feed(r *Rule, ev *Event, out []Finding) []Finding {
	for _, f := range c.by[r] {
		l := c.links[f.link]
		m := memo{at: ev.Time.UnixMilli(), n: 1, place: uint16(f.place)}
		if !c.value(l, r, ev, &m) {
			c.Counters.Valueless++
			continue
		}
		g := c.group(f.link, r, ev, m.at)
		if g == nil {
			c.Counters.Ungrouped++
			continue
		}
		if g.closes != 0 && m.at >= g.closes {
			out = c.judge(g, ev, out)
			if g = c.group(f.link, r, ev, m.at); g == nil {
				continue
			}
		}
		out = c.take(g, l, m, ev, out)
	}
	return out
}

// take adds an event to a group and tells if the correlation holds.
func (c *Correlator) take(g *group, l *link, m memo, ev *Event, out []Finding) []Finding {
	before := len(g.items)
	ok := g.add(l, m, c.raw)
	c.items += len(g.items) - before
	c.room(g)
	if !ok {
		c.Counters.Late++
		return out
	}
	if l.c.patient() || l.c.Type == TemporalOrdered && int(m.place) < len(l.c.Rules)-1 && m.at >= g.items[len(g.items)-1].at {
		return out // nothing is decided by it yet
	}
	count, holds := g.measure(l, m)
	if !holds {
		g.fired, g.told = false, 0
		return out
	}
	return c.tell(g, l, count, ev, out)
}

// tell gives a finding when it is new or its events doubled, and feeds the
// correlations that stand on this one each time.
func (c *Correlator) tell(g *group, l *link, count float64, ev *Event, out []Finding) []Finding {
	if !c.e.silent[l.rule] && (!g.fired || g.events() >= 2*g.told) {
		f := g.finding(l, count)
		out = append(out, f)
		g.told = f.Events
	}
	g.fired = true
	if len(c.by[l.rule]) > 0 {
		out = c.feed(l.rule, ev, out)
	}
	return out
}

// group finds or makes the group of an event; nil if the event lacks a field.
func (c *Correlator) group(no int, r *Rule, ev *Event, at int64) *group {
	l := c.links[no]
	c.key = binary.AppendUvarint(c.key[:0], uint64(no))
	for _, name := range l.c.GroupBy {
		v, ok := c.get(ev, l.c.field(name, r))
		if !ok {
			return nil
		}
		at := len(c.key)
		c.key = binary.AppendUvarint(c.key, uint64(len(v)))
		c.key = fold(c.key, v)
		if len(c.key)-at > 4096 {
			c.key = c.key[:at+4096]
		}
	}
	g := c.groups[string(c.key)]
	if g == nil {
		g = &group{key: string(c.key), link: no, grain: 1}
		for _, name := range l.c.GroupBy {
			v, _ := c.get(ev, l.c.field(name, r))
			g.shown = append(g.shown, sample(v))
		}
		if l.c.patient() {
			g.closes = at + l.c.Span.Milliseconds()
			heap.Push(&c.due, due{g.closes, g.key})
		}
		c.groups[g.key] = g
	} else {
		g.leave()
	}
	g.enter(&c.oldest)
	return g
}

// field resolves an alias for a rule.
func (c *Correlation) field(name string, r *Rule) string {
	m := c.aliases[name]
	if f := m[r.Name]; f != "" && r.Name != "" {
		return f
	}
	if f := m[r.ID]; f != "" && r.ID != "" {
		return f
	}
	return name
}

// get gives the first value of a field under any of its names.
func (c *Correlator) get(ev *Event, name string) ([]byte, bool) {
	if f, ok := ev.Get(name); ok && f.Kind != Null {
		return f.Value, true
	}
	for _, f := range ev.Fields {
		if f.Kind != Null && slices.Contains(c.e.mapping.names(ev.Source, f.Name), name) {
			return f.Value, true
		}
	}
	return nil, false
}

// value reads the field that the condition is about; false if it cannot.
func (c *Correlator) value(l *link, r *Rule, ev *Event, m *memo) bool {
	if l.c.Type == EventCount || l.c.Type == Temporal || l.c.Type == TemporalOrdered {
		return true
	}
	if l.c.Type == ValueCount || l.c.rarity() {
		h := uint64(fnvOffset)
		c.raw = c.raw[:0]
		for i, name := range l.c.Fields {
			v, ok := c.get(ev, l.c.field(name, r))
			if !ok {
				return false
			}
			c.folded = fold(c.folded[:0], v)
			for _, b := range c.folded {
				h = (h ^ uint64(b)) * fnvPrime
			}
			h *= fnvPrime
			if i > 0 {
				c.raw = append(c.raw, ' ')
			}
			c.raw = append(c.raw, v[:min(len(v), 128)]...)
		}
		m.hash = h
		return true
	}
	v, ok := c.get(ev, l.c.field(l.c.Fields[0], r))
	if !ok {
		return false
	}
	m.x, ok = number(v, unitNone)
	return ok && !math.IsNaN(m.x) && !math.IsInf(m.x, 0)
}

func sample(v []byte) string { return strings.ToValidUTF8(string(v[:min(len(v), 128)]), "?") }

// Advance judges the windows that are over at t: a time that the caller trusts
// no event to come before any more.
func (c *Correlator) Advance(t time.Time, out []Finding) []Finding {
	now := t.UnixMilli()
	for len(c.due) > 0 && c.due[0].at <= now {
		d := heap.Pop(&c.due).(due)
		if g := c.groups[d.key]; g != nil && g.closes == d.at {
			out = c.judge(g, nil, out)
		}
	}
	return out
}

// judge ends the window of a patient group.
func (c *Correlator) judge(g *group, ev *Event, out []Finding) []Finding {
	l := c.links[g.link]
	c.drop(g)
	if len(g.items) == 0 {
		return out
	}
	count, holds := g.measure(l, g.items[len(g.items)-1])
	if !holds {
		return out
	}
	if ev == nil || len(c.by[l.rule]) > 0 {
		ev = &Event{Time: time.UnixMilli(g.items[len(g.items)-1].at)}
		for i, name := range l.c.GroupBy {
			ev.Add(name, []byte(g.shown[i]))
		}
	}
	return c.tell(g, l, count, ev, out)
}

// room gives up the groups fed least recently until the state fits, but never
// the one at hand.
func (c *Correlator) room(keep *group) {
	for len(c.groups) > c.MaxGroups || c.items > c.MaxItems {
		g := c.oldest.next
		if g == keep || g == &c.oldest {
			break
		}
		c.drop(g)
		c.Counters.Evicted++
	}
	if len(c.due) > 2*len(c.groups)+1024 { // those of groups that are gone
		c.due = slices.DeleteFunc(c.due, func(d due) bool { g := c.groups[d.key]; return g == nil || g.closes != d.at })
		heap.Init(&c.due)
	}
}

func (c *Correlator) drop(g *group) {
	g.leave()
	delete(c.groups, g.key)
	c.items -= len(g.items)
}

func (g *group) leave() {
	g.prev.next, g.next.prev = g.next, g.prev
}

// enter puts the group last before the ring's head.
func (g *group) enter(head *group) {
	g.prev, g.next = head.prev, head
	g.prev.next, head.prev = g, g
}

// due says when the window of a group is over.
type due struct {
	at  int64
	key string
}

type dues []due

func (d dues) Len() int           { return len(d) }
func (d dues) Less(i, j int) bool { return d[i].at < d[j].at }
func (d dues) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }

// Push adds a due, for container/heap.
func (d *dues) Push(x any) { *d = append(*d, x.(due)) }

// Pop takes the last away, for container/heap.
func (d *dues) Pop() any {
	old := *d
	x := old[len(old)-1]
	*d = old[:len(old)-1]
	return x
}

func byTime(m memo, at int64) int { return cmp.Compare(m.at, at) }
