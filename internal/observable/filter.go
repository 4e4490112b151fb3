package observable

import "math/bits"

// Filter tells in a few nanoseconds whether a key may be watched for. It has two
// levels: a bitmap of 16 bits a key, small enough to stay in the processor's
// cache, which turns nearly all other values away, and an open table of whole
// keys. It never forgets a key: who takes a value back confirms hits elsewhere.
// It is made once and may then be read by many goroutines.
type Filter struct {
	bits  []uint64
	table []uint64
	shift uint // of a key, to the bit's number
	mask  uint64
	n     int
}

// NewFilter makes a filter with room for n keys.
func NewFilter(n int) *Filter {
	n = max(n, 1024)
	size := uint(bits.Len(uint(2*n - 1))) // at most half full
	bitsLog := uint(bits.Len(uint(16*n-1))) - 1
	return &Filter{bits: make([]uint64, 1<<(bitsLog-6)), table: make([]uint64, 1<<size), shift: 64 - bitsLog, mask: 1<<size - 1}
}

// Add adds a key; it reports false when the filter is full.
func (f *Filter) Add(k Key) bool {
	if f.n >= len(f.table)*3/4 {
		return false
	}
	b := uint64(k) >> f.shift
	f.bits[b>>6] |= 1 << (b & 63)
	x := stored(k)
	for i := uint64(k) & f.mask; ; i = (i + 1) & f.mask {
		if f.table[i] == x {
			return true
		}
		if f.table[i] == 0 {
			f.table[i] = x
			f.n++
			return true
		}
	}
}

// Has reports whether the key was added.
func (f *Filter) Has(k Key) bool {
	b := uint64(k) >> f.shift
	if f.bits[b>>6]&(1<<(b&63)) == 0 {
		return false
	}
	x := stored(k)
	for i := uint64(k) & f.mask; ; i = (i + 1) & f.mask {
		switch f.table[i] {
		case x:
			return true
		case 0:
			return false
		}
	}
}

// Len counts the keys.
func (f *Filter) Len() int { return f.n }

// stored keeps the empty place apart from the key 0.
func stored(k Key) uint64 {
	if k == 0 {
		return 1
	}
	return uint64(k)
}
