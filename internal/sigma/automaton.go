package sigma

import (
	"cmp"
	"math/bits"
	"slices"
)

// automaton finds all of many folded texts anywhere in a value, in one pass (Aho
// and Corasick). It is kept small: bytes that no text has share one class; a state
// stores only the transitions that differ from where the last two bytes alone
// would lead, which a small table gives. Only the first states, where nearly all
// the time is spent, have their whole row written out.
type automaton struct {
	class  [256]uint8
	words  int      // 64-bit words of a state's row in bits
	full   []uint32 // whole rows of the first states
	nfull  uint32
	near   []uint32 // where the last byte (row) and the next one lead
	ncls   int
	last   []uint8  // class of the byte that leads into a state
	base   []uint32 // where a state's own targets begin
	bits   []uint64 // which classes have one
	target []uint32
	emit   []uint32 // first output of a state; 0 none
	outs   []output
}

// output is a text that ends at a state; next is the shorter one that ends
// there too.
type output struct {
	bit  int32
	next uint32
}

// trie is the automaton while it is built. States are numbered by breadth.
type trie struct {
	kids  [][]edge
	fail  []uint32
	depth []uint32
	last  []uint8
	ends  [][]int // patterns
}

type edge struct {
	class uint8
	to    uint32
}

// newAutomaton builds the automaton of patterns, none of which is empty.
func newAutomaton(pats []pattern) *automaton {
	a := &automaton{outs: make([]output, 1)}
	a.classes(pats)
	t := a.trie(pats)
	n := len(t.kids)
	a.last, a.base = t.last, make([]uint32, n+1)
	a.bits, a.emit = make([]uint64, n*a.words), make([]uint32, n)
	a.nearTable(t)
	own := make([][]edge, n) // transitions that differ from the near table
	for s := range n {
		a.base[s] = uint32(len(a.target))
		if t.depth[s] > 0 {
			own[s] = over(own[t.fail[s]], t.kids[s], t.depth[s])
		}
		for _, e := range own[s] {
			a.bits[s*a.words+int(e.class>>6)] |= 1 << (e.class & 63)
			a.target = append(a.target, e.to)
		}
		a.outputs(t, pats, uint32(s))
	}
	a.base[n] = uint32(len(a.target))
	a.target, a.outs = slices.Clip(a.target), slices.Clip(a.outs)
	a.mark()
	a.fill(n)
	return a
}

// classes gives each byte that occurs in a text a class of its own; 0 is for
// the others.
func (a *automaton) classes(pats []pattern) {
	a.ncls = 1
	for _, p := range pats {
		for _, c := range p.text {
			if a.class[c] == 0 && a.ncls < 256 {
				a.class[c] = uint8(a.ncls)
				a.ncls++
			}
		}
	}
	a.words = (a.ncls + 63) / 64
}

func (a *automaton) trie(pats []pattern) *trie {
	order := make([]int, len(pats))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(x, y int) int { return slices.Compare(pats[x].text, pats[y].text) })
	type job struct {
		state    uint32
		from, to int // of order: the texts below this state
		depth    int
	}
	t := &trie{kids: [][]edge{nil}, fail: []uint32{0}, depth: []uint32{0}, last: []uint8{0}, ends: [][]int{nil}}
	queue := []job{{0, 0, len(order), 0}}
	for len(queue) > 0 {
		j := queue[0]
		queue = queue[1:]
		for i := j.from; i < j.to; {
			p := pats[order[i]]
			if len(p.text) == j.depth {
				t.ends[j.state] = append(t.ends[j.state], order[i])
				i++
				continue
			}
			c, k := p.text[j.depth], i
			for k < j.to && len(pats[order[k]].text) > j.depth && pats[order[k]].text[j.depth] == c {
				k++
			}
			s := t.grow(j.state, a.class[c])
			queue = append(queue, job{s, i, k, j.depth + 1})
			i = k
		}
		slices.SortFunc(t.kids[j.state], func(x, y edge) int { return cmp.Compare(x.class, y.class) })
	}
	return t
}

// grow adds a state below s. States come by breadth, so what it fails to is
// there already, with all its children.
func (t *trie) grow(s uint32, class uint8) uint32 {
	to := uint32(len(t.kids))
	t.kids[s] = append(t.kids[s], edge{class, to})
	t.kids, t.ends = append(t.kids, nil), append(t.ends, nil)
	t.depth, t.last = append(t.depth, t.depth[s]+1), append(t.last, class)
	t.fail = append(t.fail, 0)
	return to
}

// failures finds for each state the longest proper suffix that is a state too.
func (t *trie) failures() {
	for s := range t.kids {
		for _, e := range t.kids[s] {
			if s == 0 {
				continue
			}
			f := t.fail[s]
			for {
				if to, ok := child(t.kids[f], e.class); ok {
					t.fail[e.to] = to
					break
				}
				if f == 0 {
					break
				}
				f = t.fail[f]
			}
		}
	}
}

func child(kids []edge, class uint8) (uint32, bool) {
	i, ok := slices.BinarySearchFunc(kids, class, func(e edge, c uint8) int { return cmp.Compare(e.class, c) })
	if !ok {
		return 0, false
	}
	return kids[i].to, true
}

// nearTable says where the last byte and the next lead when nothing longer
// began before them.
func (a *automaton) nearTable(t *trie) {
	t.failures()
	a.near = make([]uint32, a.ncls*a.ncls)
	for l := range a.ncls {
		row := a.near[l*a.ncls : (l+1)*a.ncls]
		for _, e := range t.kids[0] {
			row[e.class] = e.to
		}
		if s, ok := child(t.kids[0], uint8(l)); ok {
			for _, e := range t.kids[s] {
				row[e.class] = e.to
			}
		}
	}
}

// over lays a state's children over what it inherits; children two bytes deep
// stand in the near table.
func over(inherited, kids []edge, depth uint32) []edge {
	if depth < 2 || len(kids) == 0 {
		return inherited
	}
	out := make([]edge, 0, len(inherited)+len(kids))
	for len(inherited) > 0 || len(kids) > 0 {
		switch {
		case len(kids) == 0 || len(inherited) > 0 && inherited[0].class < kids[0].class:
			out = append(out, inherited[0])
			inherited = inherited[1:]
		default:
			if len(inherited) > 0 && inherited[0].class == kids[0].class {
				inherited = inherited[1:]
			}
			out = append(out, kids[0])
			kids = kids[1:]
		}
	}
	return out
}

// told is set in a transition to a state where a text ends.
const told = 1 << 31

func (a *automaton) mark() {
	for _, list := range [][]uint32{a.near, a.target} {
		for i, to := range list {
			if a.emit[to] != 0 {
				list[i] |= told
			}
		}
	}
}

// maxFull is how many transitions whole rows may take.
const maxFull = 1 << 17

func (a *automaton) fill(n int) {
	a.nfull = uint32(min(n, maxFull/a.ncls))
	a.full = make([]uint32, int(a.nfull)*a.ncls)
	for s := range a.nfull {
		for c := range a.ncls {
			a.full[int(s)*a.ncls+c] = a.step(s, uint32(c))
		}
	}
}

// step gives the state after s on a byte of class c, with its mark.
func (a *automaton) step(s, c uint32) uint32 {
	words := uint32(a.words)
	row := a.bits[s*words : (s+1)*words]
	w, m := row[c>>6], uint64(1)<<(c&63)
	if w&m == 0 {
		return a.near[uint32(a.last[s])*uint32(a.ncls)+c]
	}
	k := a.base[s] + uint32(bits.OnesCount64(w&(m-1)))
	for _, before := range row[:c>>6] {
		k += uint32(bits.OnesCount64(before))
	}
	return a.target[k]
}

// outputs chains the texts that end at a state before those of its suffixes.
func (a *automaton) outputs(t *trie, pats []pattern, s uint32) {
	if s > 0 {
		a.emit[s] = a.emit[t.fail[s]]
	}
	for _, i := range t.ends[s] {
		p := pats[i]
		a.outs = append(a.outs, output{p.bit, a.emit[s]})
		a.emit[s] = uint32(len(a.outs) - 1)
	}
}

// scan sets the bits of the texts found in v and appends the
// bits that were not set before to fresh.
func (a *automaton) scan(v []byte, set []uint64, fresh []int32) []int32 {
	s, ncls := uint32(0), uint32(a.ncls)
	for _, b := range v {
		c := uint32(a.class[b])
		if s < a.nfull {
			s = a.full[s*ncls+c]
		} else {
			s = a.step(s, c)
		}
		if s < told {
			continue
		}
		s &^= told
		for o := a.emit[s]; o != 0; o = a.outs[o].next {
			bit := a.outs[o].bit
			if w, m := &set[bit>>6], uint64(1)<<(bit&63); *w&m == 0 {
				*w |= m
				fresh = append(fresh, bit)
			}
		}
	}
	return fresh
}

// size gives the bytes that the automaton holds.
func (a *automaton) size() int {
	return 4*(len(a.full)+len(a.near)+len(a.base)+len(a.target)+len(a.emit)) + 8*len(a.bits) + len(a.last) + 8*len(a.outs) + 256
}
