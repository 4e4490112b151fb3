package pattern

import (
	"errors"
	"iter"
	"maps"
	"slices"
	"time"
)

// ErrComplex says that a pattern asked for more combinations than are tried.
var ErrComplex = errors.New("the pattern needs more combinations than are tried")

// Match reports whether observed data satisfies the expression, and gives the
// identifiers of the observations that do, the first combination found.
func (e Expression) Match(data []Observation) (ids []string, ok bool, err error) {
	m := &match{data: data}
	for b := range m.bindings(e) {
		if m.err != nil {
			break
		}
		for i := range b.uses {
			ids = append(ids, data[i].ID)
		}
		slices.Sort(ids)
		return ids, true, nil
	}
	return nil, false, m.err
}

// binding says which observations satisfy an expression, and how often each is
// used: an observation may be used as many times as it was observed.
type binding struct {
	uses        map[int]int
	first, last time.Time // earliest first_observed, latest last_observed
	latestFirst time.Time // for WITHIN: the window must touch every interval
	firstLast   time.Time
}

type match struct {
	data  []Observation
	tries int
	err   error
}

func (m *match) try() bool {
	if m.tries++; m.tries > maxTries {
		m.err = errors.Join(m.err, ErrComplex)
	}
	return m.err == nil
}

// bindings gives what satisfies an expression, lazily.
func (m *match) bindings(e Expression) iter.Seq[binding] {
	seq := m.bare(e)
	for _, q := range e.Qualifiers {
		seq = m.qualified(seq, q)
	}
	return seq
}

func (m *match) bare(e Expression) iter.Seq[binding] {
	switch {
	case e.Test != nil:
		return m.single(e.Test)
	case len(e.Parts) == 1:
		return m.bindings(e.Parts[0])
	case e.Join == "OR":
		return func(yield func(binding) bool) {
			for _, p := range e.Parts {
				for b := range m.bindings(p) {
					if !yield(b) {
						return
					}
				}
			}
		}
	}
	seq := m.bindings(e.Parts[0])
	for _, p := range e.Parts[1:] {
		seq = m.both(seq, p, e.Join == "FOLLOWEDBY")
	}
	return seq
}

func (m *match) single(t *Test) iter.Seq[binding] {
	return func(yield func(binding) bool) {
		for i, o := range m.data {
			roots, err := t.roots(o)
			if err != nil {
				m.err = err
				return
			}
			if len(roots) == 0 {
				continue
			}
			b := binding{uses: map[int]int{i: 1}, first: o.First, last: o.Last, latestFirst: o.First, firstLast: o.Last}
			if !m.try() || !yield(b) {
				return
			}
		}
	}
}

func (m *match) both(left iter.Seq[binding], right Expression, inOrder bool) iter.Seq[binding] {
	return func(yield func(binding) bool) {
		for a := range left {
			for b := range m.bindings(right) {
				if !m.try() {
					return
				}
				if inOrder && a.last.After(b.first) {
					continue
				}
				if j, ok := m.join(a, b); ok && !yield(j) {
					return
				}
			}
		}
	}
}

// join puts two bindings together, unless an observation would be used more
// often than it was observed.
func (m *match) join(a, b binding) (binding, bool) {
	out := binding{
		uses: maps.Clone(a.uses), first: earlier(a.first, b.first), last: later(a.last, b.last),
		latestFirst: later(a.latestFirst, b.latestFirst), firstLast: earlier(a.firstLast, b.firstLast),
	}
	for i, n := range b.uses {
		if out.uses[i] += n; out.uses[i] > m.data[i].Number {
			return out, false
		}
	}
	return out, true
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func (m *match) qualified(seq iter.Seq[binding], q Qualifier) iter.Seq[binding] {
	if q.Kind == "REPEATS" {
		return m.repeated(seq, q.Times)
	}
	return func(yield func(binding) bool) {
		for b := range seq {
			ok := false
			switch q.Kind {
			case "WITHIN": // a window of that length touches every interval
				ok = b.latestFirst.Sub(b.firstLast) <= q.Within
			case "START": // every interval touches [start, stop)
				ok = b.latestFirst.Before(q.Stop) && !b.firstLast.Before(q.Start)
			}
			if !m.try() || ok && !yield(b) {
				return
			}
		}
	}
}

// repeated gives combinations of n bindings. The n-th search goes on from where
// the one before stood, so that no combination comes twice.
func (m *match) repeated(seq iter.Seq[binding], n int) iter.Seq[binding] {
	if n == 1 {
		return seq
	}
	return func(yield func(binding) bool) {
		all := slices.Collect(seq)
		var grow func(have binding, from, left int) bool
		grow = func(have binding, from, left int) bool {
			if left == 0 {
				return yield(have)
			}
			for i := from; i < len(all); i++ {
				if !m.try() {
					return false
				}
				if j, ok := m.join(have, all[i]); ok && !grow(j, i, left-1) {
					return false
				}
			}
			return true
		}
		for i := range all {
			if m.err != nil || !grow(all[i], i, n-1) {
				return
			}
		}
	}
}

// roots gives the objects of an observation that satisfy a test. Comparisons
// about the same type joined by AND must hold of one object (section 9.5);
// those about different types of the same observation.
func (t *Test) roots(o Observation) (map[string]string, error) {
	if t.Comparison != nil {
		return t.Comparison.roots(o)
	}
	if len(t.Or) > 0 {
		out := map[string]string{}
		for _, sub := range t.Or {
			r, err := sub.roots(o)
			if err != nil {
				return nil, err
			}
			maps.Copy(out, r)
		}
		return out, nil
	}
	var out map[string]string
	for i, sub := range t.And {
		r, err := sub.roots(o)
		if err != nil || len(r) == 0 {
			return nil, err
		}
		if i == 0 {
			out = r
			continue
		}
		if out = meet(out, r); len(out) == 0 {
			return nil, nil
		}
	}
	return out, nil
}

// meet keeps, of types that both sides speak of, the objects in both, and of
// other types all. It gives nothing when a common type has no common object.
func meet(a, b map[string]string) map[string]string {
	types := func(m map[string]string) map[string]bool {
		out := map[string]bool{}
		for _, t := range m {
			out[t] = true
		}
		return out
	}
	ta, tb := types(a), types(b)
	out, kept := map[string]string{}, map[string]bool{}
	for id, t := range a {
		if _, both := b[id]; both || !tb[t] {
			out[id] = t
			kept[t] = true
		}
	}
	for id, t := range b {
		if !ta[t] {
			out[id] = t
			kept[t] = true
		}
	}
	for t := range ta {
		if tb[t] && !kept[t] {
			return nil
		}
	}
	return out
}

func (c *Comparison) roots(o Observation) (map[string]string, error) {
	out := map[string]string{}
	for _, id := range o.Roots {
		obj := o.Objects[id]
		if kind, _ := obj["type"].(string); kind != c.Path.Type {
			continue
		}
		ok, err := c.holds(o, obj)
		if err != nil {
			return nil, err
		}
		if ok {
			out[id] = c.Path.Type
		}
	}
	return out, nil
}

// holds reports whether any value that the path leads to passes the comparison.
func (c *Comparison) holds(o Observation, obj map[string]any) (bool, error) {
	found := false
	var bad error
	walk(o, obj, c.Path.Steps, "", 0, func(key string, x any) bool {
		if c.Op == Exists {
			found = true
			return false
		}
		ok, err := c.test(valueOf(key, x))
		if err != nil {
			bad = err
			return false
		}
		found = found || ok
		return !found
	})
	if c.Op == Exists && c.Not {
		found = !found
	}
	return found, bad
}

func (c *Comparison) test(v Value) (bool, error) {
	var ok bool
	switch c.Op {
	case Like, Matches:
		ok = c.like.match(v)
	case IsSubset:
		ok = v.Kind == Text && within(v.Text, c.Values[0].Text)
	case IsSuperset:
		ok = v.Kind == Text && within(c.Values[0].Text, v.Text)
	case In:
		for _, lit := range c.Values {
			n, can, err := compare(v, lit)
			if err != nil {
				return false, err
			}
			ok = ok || can && n == 0
		}
	default:
		n, can, err := compare(v, c.Values[0])
		if err != nil {
			return false, err
		}
		ok = can && map[Op]bool{Equal: n == 0, NotEqual: n == 0, Less: n < 0, LessEq: n <= 0, Greater: n > 0, GreaterEq: n >= 0}[c.Op]
		if c.Op == NotEqual {
			ok = !ok // what cannot be compared is not equal
		}
	}
	return ok != c.Not, nil
}
