package sigma

import (
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// stateHead begins a saved state; its last byte is the version.
const stateHead = "filo sigma state\x01"

var errState = errors.New("the saved state of the correlations is damaged: they begin anew")

// Save writes what the correlator remembers, for Restore after a restart.
func (c *Correlator) Save() []byte {
	b := []byte(stateHead)
	b = binary.AppendUvarint(b, uint64(len(c.links)))
	for _, l := range c.links {
		b = binary.BigEndian.AppendUint64(b, l.print)
	}
	b = binary.AppendUvarint(b, uint64(len(c.groups)))
	for g := c.oldest.next; g != &c.oldest; g = g.next {
		b = g.save(b)
	}
	return b
}

func (g *group) save(b []byte) []byte {
	b = appendText(b, g.key)
	b = binary.AppendUvarint(b, uint64(g.link))
	b = binary.AppendUvarint(b, uint64(len(g.shown)))
	for _, s := range g.shown {
		b = appendText(b, s)
	}
	flags := byte(0)
	if g.fired {
		flags |= 1
	}
	if g.capped {
		flags |= 2
	}
	b = append(b, flags)
	for _, n := range []int64{g.grain, int64(g.told), g.closes, int64(len(g.items))} {
		b = binary.AppendVarint(b, n)
	}
	for _, m := range g.items {
		b = binary.AppendVarint(b, m.at)
		b = binary.AppendVarint(b, m.start)
		b = binary.AppendUvarint(b, uint64(m.n))
		b = binary.AppendUvarint(b, uint64(m.place))
		b = binary.BigEndian.AppendUint64(b, m.hash)
		b = binary.BigEndian.AppendUint64(b, math.Float64bits(m.x))
		b = appendText(b, m.text)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// Restore takes in a saved state. Groups of correlations that changed since, or
// are gone, are left out and counted. After an error the correlator is empty.
func (c *Correlator) Restore(b []byte) (left int, err error) {
	if len(c.groups) > 0 {
		return 0, fmt.Errorf("the state can only be restored before the first event")
	}
	r := &stateReader{b: b}
	if string(r.take(len(stateHead))) != stateHead {
		return 0, errState
	}
	to := map[uint64]int{} // number of a link then → now
	for i := range r.count(8) {
		print := binary.BigEndian.Uint64(r.take(8))
		for j, l := range c.links {
			if l.print == print {
				to[uint64(i)] = j
			}
		}
	}
	for range r.count(1) {
		g, no := r.group()
		if r.bad {
			break
		}
		link, ok := to[no]
		if !ok || !c.sound(g, link, no) || c.groups[g.key] != nil {
			left++
			continue
		}
		c.groups[g.key] = g
		c.items += len(g.items)
		g.enter(&c.oldest)
		if g.closes != 0 {
			c.due = append(c.due, due{g.closes, g.key})
		}
		c.room(g)
	}
	heap.Init(&c.due)
	if r.bad || len(r.b) > 0 {
		c.groups, c.items, c.due = map[string]*group{}, 0, nil
		c.oldest.next, c.oldest.prev = &c.oldest, &c.oldest
		return 0, errState
	}
	return left, nil
}

// sound moves a group to its link's number of today, and reports whether it can
// be one of that link.
func (c *Correlator) sound(g *group, link int, was uint64) bool {
	l := c.links[link]
	head := binary.AppendUvarint(nil, was)
	if len(g.key) < len(head) || g.key[:len(head)] != string(head) || len(g.shown) != len(l.c.GroupBy) || len(g.items) == 0 || g.grain < 1 || (g.closes != 0) != l.c.patient() {
		return false
	}
	g.key = string(binary.AppendUvarint(nil, uint64(link))) + g.key[len(head):]
	g.link = link
	for i, m := range g.items {
		if int(m.place) >= len(l.c.Rules) || i > 0 && g.items[i-1].at > m.at {
			return false
		}
	}
	return true
}

// stateReader reads a saved state; what it gives after bad is set is nothing.
type stateReader struct {
	b   []byte
	bad bool
}

func (r *stateReader) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.b) {
		r.bad = true
		return make([]byte, max(min(n, 8), 0))
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *stateReader) uint() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *stateReader) int() int64 {
	n, size := binary.Varint(r.b)
	if size <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[size:]
	return n
}

// count reads how many entries follow, each of at least size bytes.
func (r *stateReader) count(size int) int {
	n := r.uint()
	if n > uint64(len(r.b)/size) {
		r.bad = true
		return 0
	}
	return int(n)
}

func (r *stateReader) text() string { return string(r.take(r.count(1))) }

func (r *stateReader) group() (*group, uint64) {
	g := &group{key: r.text()}
	no := r.uint()
	for range r.count(1) {
		g.shown = append(g.shown, r.text())
	}
	flags := r.take(1)[0]
	g.fired, g.capped = flags&1 != 0, flags&2 != 0
	g.grain, g.told, g.closes = r.int(), int(r.int()), r.int()
	n := r.int()
	if n < 0 || n > int64(len(r.b)/21) {
		r.bad = true
		return g, no
	}
	for range n {
		m := memo{at: r.int(), start: r.int(), n: uint32(r.uint()), place: uint16(r.uint())}
		m.hash = binary.BigEndian.Uint64(r.take(8))
		m.x = math.Float64frombits(binary.BigEndian.Uint64(r.take(8)))
		m.text = r.text()
		g.items = append(g.items, m)
	}
	return g, no
}
