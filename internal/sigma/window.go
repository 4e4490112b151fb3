package sigma

import (
	"math"
	"slices"
	"time"
)

// Limits of one group.
const (
	maxMoments = 1024 // of counts and sums; beyond, times are rounded
	maxMemos   = 4096 // values, for percentiles and distinct counts
	maxSteps   = 64   // events of each rule, for what must come in order
	maxSamples = 5
)

// add takes in an event, and the value as it stands there; false if it is older
// than the window.
func (g *group) add(l *link, m memo, value []byte) bool {
	span := l.c.Span.Milliseconds()
	if n := len(g.items); n > 0 && !l.c.patient() {
		newest := max(g.items[n-1].at, m.at)
		if m.at < newest-span {
			return false
		}
		old := 0
		for old < n && g.items[old].at < newest-span {
			old++
		}
		g.items = slices.Delete(g.items, 0, old)
	}
	switch l.c.Type {
	case EventCount, ValueSum, ValueAvg:
		g.moment(m, span)
	case ValueCount:
		g.distinct(m, value, l.c.enough())
	case Temporal:
		g.latest(m)
	case TemporalOrdered:
		g.step(m)
	default:
		m.text = sample(value)
		g.insert(m)
		if len(g.items) > maxMemos {
			g.items, g.capped = slices.Delete(g.items, 0, 1), true
		}
	}
	return true
}

func (g *group) insert(m memo) {
	i := len(g.items)
	for i > 0 && g.items[i-1].at > m.at {
		i--
	}
	g.items = slices.Insert(g.items, i, m)
}

// moment adds to what was seen at the same time. When there are too many
// moments, times are rounded down to an ever coarser grain, at worst a
// five-hundredth of the span: an event then leaves the window that much early.
func (g *group) moment(m memo, span int64) {
	m.at -= m.at % g.grain
	i, found := slices.BinarySearchFunc(g.items, m.at, byTime)
	if found {
		g.items[i].n += min(m.n, math.MaxUint32-g.items[i].n)
		g.items[i].x += m.x
		return
	}
	g.items = slices.Insert(g.items, i, m)
	for len(g.items) > maxMoments && g.grain <= span/(maxMoments/2)+1 {
		g.grain *= 2
		kept := g.items[:0]
		for _, m := range g.items {
			m.at -= m.at % g.grain
			if k := len(kept) - 1; k >= 0 && kept[k].at == m.at {
				kept[k].n += m.n
				kept[k].x += m.x
				continue
			}
			kept = append(kept, m)
		}
		g.items = kept
	}
}

// distinct keeps each value once, with its latest time.
func (g *group) distinct(m memo, value []byte, most int) {
	for i := range g.items {
		if g.items[i].hash != m.hash {
			continue
		}
		m.n += min(g.items[i].n, math.MaxUint32-m.n)
		m.at = max(m.at, g.items[i].at)
		m.text = g.items[i].text
		last := len(g.items) - 1
		if i < last && g.items[i+1].at <= m.at {
			copy(g.items[i:], g.items[i+1:])
			g.items = g.items[:last]
			g.insert(m)
			return
		}
		g.items[i] = m
		return
	}
	m.text = sample(value)
	g.insert(m)
	if len(g.items) > most {
		copy(g.items, g.items[1:])
		g.items, g.capped = g.items[:len(g.items)-1], true
	}
}

// enough is how many different values are told apart: with limits from below
// alone, four times the limit shows all that anybody asks.
func (c *Correlation) enough() int {
	most := 64.0
	for _, b := range c.Bounds {
		if b.Op != "gt" && b.Op != "gte" {
			return maxMemos
		}
		most = max(most, 4*b.Value)
	}
	return int(min(most, maxMemos))
}

// events counts those that are remembered.
func (g *group) events() int {
	n := 0
	for i := range g.items {
		n += int(g.items[i].n)
	}
	return n
}

// latest keeps the latest event of each rule.
func (g *group) latest(m memo) {
	for i := range g.items {
		if g.items[i].place == m.place {
			m.n += g.items[i].n
			m.at = max(m.at, g.items[i].at)
			g.items = slices.Delete(g.items, i, i+1)
			break
		}
	}
	g.insert(m)
}

// never is the start of a chain that has not begun.
const never = math.MinInt64

// step keeps the events of each rule and, for each, when the latest chain of
// events of the rules before it that leads to it began.
func (g *group) step(m memo) {
	m.start = never
	g.insert(m)
	same := 0
	for i := range g.items {
		if g.items[i].place == m.place {
			same++
		}
	}
	if same > maxSteps {
		i := slices.IndexFunc(g.items, func(o memo) bool { return o.place == m.place })
		g.items, g.capped = slices.Delete(g.items, i, i+1), true
	}
	var best [257]int64
	for i := range best {
		best[i] = never
	}
	for i := range g.items {
		it := &g.items[i]
		if it.place == 0 {
			it.start = it.at
		} else {
			it.start = max(it.start, best[it.place-1])
		}
		best[it.place] = max(best[it.place], it.start)
	}
}

// measure gives what the condition is about and whether it holds; m is the
// event just added.
func (g *group) measure(l *link, m memo) (float64, bool) {
	c := l.c
	switch c.Type {
	case TemporalOrdered:
		last := uint16(len(c.Rules) - 1)
		for i := range g.items {
			it := g.items[i]
			if it.place == last && it.start != never && it.at-it.start <= c.Span.Milliseconds() {
				return float64(len(c.Rules)), true
			}
		}
		return 0, false
	case Temporal:
		n := float64(len(g.items))
		if len(c.Bounds) == 0 {
			return n, len(g.items) == len(c.Rules)
		}
		return n, c.holds(n)
	}
	var n, sum float64
	for i := range g.items {
		n += float64(g.items[i].n)
		sum += g.items[i].x
	}
	switch c.Type {
	case ValueCount:
		n = float64(len(g.items))
	case ValueSum:
		n = sum
	case ValueAvg:
		n = sum / n
	case ValuePercentile:
		n = g.percentile(c, m)
	}
	return n, c.holds(n)
}

// percentile gives the value below or at which the asked share of the numbers
// lie (nearest rank). Without a share it gives how rare the value at hand is:
// its share among the values of the window, in percent. The specification's
// only example, a process name seen by fewer than one in a hundred, is of that
// kind.
func (g *group) percentile(c *Correlation, m memo) float64 {
	if c.rarity() {
		same := 0
		for i := range g.items {
			if g.items[i].hash == m.hash {
				same++
			}
		}
		return 100 * float64(same) / float64(len(g.items))
	}
	xs := make([]float64, len(g.items))
	for i := range g.items {
		xs[i] = g.items[i].x
	}
	slices.Sort(xs)
	rank := int(math.Ceil(c.Percentile / 100 * float64(len(xs))))
	return xs[max(rank, 1)-1]
}

func (g *group) finding(l *link, count float64) Finding {
	f := Finding{Rule: l.rule, Count: count, New: !g.fired, Capped: g.capped}
	for i, name := range l.c.GroupBy {
		f.Group = append(f.Group, GroupValue{name, g.shown[i]})
	}
	for i := range g.items {
		m := &g.items[i]
		f.Events += int(m.n)
		text := m.text
		if l.c.Type == Temporal || l.c.Type == TemporalOrdered {
			text = l.c.Rules[m.place]
		}
		if text != "" && len(f.Samples) < maxSamples && !slices.Contains(f.Samples, text) {
			f.Samples = append(f.Samples, text)
		}
	}
	f.First = time.UnixMilli(g.items[0].at).UTC()
	f.Last = time.UnixMilli(g.items[len(g.items)-1].at).UTC()
	return f
}
