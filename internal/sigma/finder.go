package sigma

import "slices"

// pattern is a folded text to find, where in a value it counts, and the bit
// that tells of it.
type pattern struct {
	text       []byte
	start, end bool
	bit        int32
}

// finder finds the texts that the rules of a bucket look for in one field. Those
// bound to an end of the value are walked from that end, and mostly given up
// after a few bytes; only the others need a pass over the whole value.
type finder struct {
	inside *automaton
	skip   *skipper // of the texts of inside, if it is worth it
	head   *tree
	tail   *tree // of texts written backwards
}

func newFinder(pats []pattern) *finder {
	var inside, head, tail []pattern
	for _, p := range pats {
		switch {
		case p.start:
			head = append(head, p)
		case p.end:
			p.text = slices.Clone(p.text)
			slices.Reverse(p.text)
			tail = append(tail, p)
		default:
			inside = append(inside, p)
		}
	}
	f := &finder{head: newTree(head), tail: newTree(tail)}
	if len(inside) > 0 {
		f.inside, f.skip = newAutomaton(inside), newSkipper(inside)
	}
	return f
}

// scan sets the bits of the texts found in v and appends those that were not
// set before to fresh.
func (f *finder) scan(v []byte, set []uint64, fresh []int32) []int32 {
	if f.head != nil {
		n := uint32(0)
		for i, c := range v {
			if n = f.head.next(n, c); n == 0 {
				break
			}
			fresh = f.head.tell(n, i+1 == len(v), set, fresh)
		}
	}
	if f.tail != nil {
		n := uint32(0)
		for i := len(v) - 1; i >= 0; i-- {
			if n = f.tail.next(n, v[i]); n == 0 {
				break
			}
			fresh = f.tail.tell(n, i == 0, set, fresh)
		}
	}
	if f.inside != nil && (f.skip == nil || f.skip.may(v)) {
		fresh = f.inside.scan(v, set, fresh)
	}
	return fresh
}

func (f *finder) size() int {
	n := 0
	if f.inside != nil {
		n += f.inside.size()
	}
	if f.skip != nil {
		n += len(f.skip.shift)
	}
	for _, t := range []*tree{f.head, f.tail} {
		if t != nil {
			n += 4*(256+len(t.first)+len(t.to)+len(t.told)) + len(t.label) + 8*len(t.outs)
		}
	}
	return n
}

// skipper tells quickly that none of a few longer texts is in a value: from the
// three bytes at hand it knows how far the end of the nearest text can be (Wu
// and Manber). Keywords are looked for in every field, so this is worth a page.
type skipper struct {
	least int // length of the shortest text
	shift [4096]uint8
}

// newSkipper gives nil where skipping would rarely get far.
func newSkipper(pats []pattern) *skipper {
	s := &skipper{least: 64}
	for _, p := range pats {
		s.least = min(s.least, len(p.text))
	}
	if s.least < 5 || len(pats) > 64 {
		return nil
	}
	for i := range s.shift {
		s.shift[i] = uint8(s.least - 2)
	}
	for _, p := range pats {
		for i := 2; i < s.least; i++ {
			h := block(p.text[i-2], p.text[i-1], p.text[i])
			s.shift[h] = min(s.shift[h], uint8(s.least-1-i))
		}
	}
	return s
}

func block(a, b, c byte) uint32 { return (uint32(a)<<7 ^ uint32(b)<<4 ^ uint32(c)) & 4095 }

// may reports whether one of the texts may be in v.
func (s *skipper) may(v []byte) bool {
	for i := s.least - 1; i < len(v); {
		n := s.shift[block(v[i-2], v[i-1], v[i])]
		if n == 0 {
			return true
		}
		i += int(n)
	}
	return false
}

// tree holds texts by their first bytes. Node 0 is the root, and as a
// successor stands for none.
type tree struct {
	root  [256]uint32
	first []uint32 // where the successors of a node begin
	label []byte
	to    []uint32
	told  []uint32 // where the outputs of a node begin
	outs  []ending
}

// ending is a text that ends at a node; whole wants the value to end there too.
type ending struct {
	bit   int32
	whole bool
}

func newTree(pats []pattern) *tree {
	if len(pats) == 0 {
		return nil
	}
	pats = slices.Clone(pats)
	slices.SortFunc(pats, func(a, b pattern) int { return slices.Compare(a.text, b.text) })
	type job struct{ from, to, depth int }
	queue := []job{{0, len(pats), 0}}
	t := &tree{}
	for at := 0; at < len(queue); at++ {
		j := queue[at]
		t.first, t.told = append(t.first, uint32(len(t.to))), append(t.told, uint32(len(t.outs)))
		for i := j.from; i < j.to; {
			p := pats[i]
			if len(p.text) == j.depth {
				t.outs = append(t.outs, ending{p.bit, p.start && p.end})
				i++
				continue
			}
			c, k := p.text[j.depth], i
			for k < j.to && pats[k].text[j.depth] == c {
				k++
			}
			t.label, t.to = append(t.label, c), append(t.to, uint32(len(queue)))
			queue = append(queue, job{i, k, j.depth + 1})
			i = k
		}
	}
	t.first, t.told = append(t.first, uint32(len(t.to))), append(t.told, uint32(len(t.outs)))
	for i := t.first[0]; i < t.first[1]; i++ {
		t.root[t.label[i]] = t.to[i]
	}
	t.label, t.to, t.first, t.told, t.outs = slices.Clip(t.label), slices.Clip(t.to), slices.Clip(t.first), slices.Clip(t.told), slices.Clip(t.outs)
	return t
}

func (t *tree) next(n uint32, c byte) uint32 {
	if n == 0 {
		return t.root[c]
	}
	for i := t.first[n]; i < t.first[n+1]; i++ {
		if t.label[i] == c {
			return t.to[i]
		}
	}
	return 0
}

func (t *tree) tell(n uint32, whole bool, set []uint64, fresh []int32) []int32 {
	for _, o := range t.outs[t.told[n]:t.told[n+1]] {
		if o.whole && !whole {
			continue
		}
		if w, m := &set[o.bit>>6], uint64(1)<<(o.bit&63); *w&m == 0 {
			*w |= m
			fresh = append(fresh, o.bit)
		}
	}
	return fresh
}
