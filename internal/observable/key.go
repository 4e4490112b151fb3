package observable

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"strings"
)

// Key stands for one value in 64 bits: its kind and its normal form, mixed
// under a seed. Equal values have equal keys under one seed; whoever acts on a
// hit confirms it against the text, since two values may share a key.
type Key uint64

// Seed makes the keys of one machine its own: nobody outside can choose two
// values that share a key there.
type Seed uint64

// Class is a kind in one byte, as tokens carry it.
type Class uint8

// The classes. Domain covers the names below it.
const (
	ClassNone Class = iota
	ClassIPv4
	ClassIPv6
	ClassDomain
	ClassURL
	ClassEmail
	ClassHash
)

const (
	fold  = 0x2020202020202020 // folds ASCII letters; one-to-one on the bytes of names and hashes
	prime = 0x9E3779B97F4A7C15
	other = 0xD6E8FEB86659FD93
)

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

func (s Seed) start(c Class) uint64 { return mix(uint64(s)^uint64(c)*other, prime) }

// bytes mixes b[i:j]; folded says that letters of either case are one.
func bytesKey(h uint64, b []byte, i, j int, or uint64) uint64 {
	n := uint64(j - i)
	for ; j-i >= 8; i += 8 {
		h = mix(h^(binary.LittleEndian.Uint64(b[i:])|or), prime)
	}
	if i < j {
		var w uint64
		if i+8 <= len(b) {
			w = binary.LittleEndian.Uint64(b[i:])
		} else {
			for k := j - 1; k >= i; k-- {
				w = w<<8 | uint64(b[k])
			}
		}
		keep := ^uint64(0) >> (64 - 8*uint(j-i))
		h = mix(h^((w|or)&keep), prime)
	}
	return mix(h^n, other)
}

func (s Seed) ipv4(a uint32) Key { return Key(mix(s.start(ClassIPv4)^uint64(a), prime)) }

func (s Seed) ipv6(a [16]byte) Key { return Key(bytesKey(s.start(ClassIPv6), a[:], 0, 16, 0)) }

func (s Seed) hash(b []byte, i, j int) Key {
	return Key(bytesKey(s.start(ClassHash), b, i, j, fold))
}

// label goes one label further to the left in a name: the key of "a.b.c" is
// made of the key of "b.c" and the label "a".
func (s Seed) label(right uint64, b []byte, i, j int) uint64 {
	return mix(right^bytesKey(uint64(s), b, i, j, fold), other)
}

// Of gives the key of a value in normal form; ok is false for networks, which
// have no key.
func (s Seed) Of(v Value) (k Key, ok bool) {
	switch v.Kind {
	case IPv4, IPv6:
		a, err := netip.ParseAddr(v.Value)
		if err != nil {
			return 0, false
		}
		if a = a.Unmap(); a.Is4() {
			b := a.As4()
			return s.ipv4(binary.BigEndian.Uint32(b[:])), true
		}
		return s.ipv6(a.As16()), true
	case Domain:
		b := []byte(v.Value)
		h, end := s.start(ClassDomain), len(b)
		for {
			i := strings.LastIndexByte(v.Value[:end], '.')
			h = s.label(h, b, i+1, end)
			if i < 0 {
				return Key(h), true
			}
			end = i
		}
	case URL:
		return s.url([]byte(v.Value)), true
	case Email:
		return s.email([]byte(v.Value)), true
	case MD5, SHA1, SHA256, SHA512:
		return s.hash([]byte(v.Value), 0, len(v.Value)), true
	}
	return 0, false
}

func (s Seed) url(b []byte) Key { return Key(bytesKey(s.start(ClassURL), b, 0, len(b), 0)) }

func (s Seed) email(b []byte) Key { return Key(bytesKey(s.start(ClassEmail), b, 0, len(b), 0)) }

// askable is how large an IPv4 network may be to be asked address by address.
const askable = 1 << 20

// netBits are the lengths of IPv6 networks under which addresses are remembered.
var netBits = []int{64, 56, 48, 32}

func (s Seed) net6(a netip.Addr, n int) Key {
	p, _ := a.Prefix(n)
	b := p.Addr().As16()
	return Key(bytesKey(mix(s.start(ClassIPv6), uint64(n)*other), b[:], 0, 16, 0))
}

// Keys adds what a look-back must remember of the tokens of a line, each key
// once: the keys themselves and, of an IPv6 address, those of the networks
// around it.
func (f Finder) Keys(line []byte, tokens []Token, out []Key) []Key {
	add := func(k Key) {
		for _, old := range out {
			if old == k {
				return
			}
		}
		out = append(out, k)
	}
	for _, t := range tokens {
		if len(out) >= maxKeys {
			break
		}
		add(t.Key)
		if t.Class != ClassIPv6 {
			continue
		}
		if a, ok := t.Addr(line); ok && a.Is6() {
			for _, n := range netBits {
				add(f.Seed.net6(a, n))
			}
		}
	}
	return out
}

// maxKeys bounds what is remembered of one line.
const maxKeys = 512

// Ask gives the keys under which a look-back knows a value in normal form: one,
// or for a network those of its addresses. It fails for an IPv4 network larger
// than a /12 and for an IPv6 network of a length that is not remembered.
func (s Seed) Ask(v Value) ([]Key, error) {
	if v.Kind != Network {
		k, ok := s.Of(v)
		if !ok {
			return nil, fmt.Errorf("%s %q cannot be asked for", v.Kind, short(v.Value))
		}
		return []Key{k}, nil
	}
	p, err := netip.ParsePrefix(v.Value)
	if err != nil {
		return nil, fmt.Errorf("%q is no network", short(v.Value))
	}
	if p.Addr().Is6() {
		if slices.Contains(netBits, p.Bits()) {
			return []Key{s.net6(p.Addr(), p.Bits())}, nil
		}
		return nil, fmt.Errorf("%s: IPv6 networks are remembered as /32, /48, /56 and /64 alone", v.Value)
	}
	n := 1 << (32 - p.Bits())
	if n > askable {
		return nil, fmt.Errorf("%s: larger than a /12, ask for parts of it", v.Value)
	}
	b := p.Masked().Addr().As4()
	first := binary.BigEndian.Uint32(b[:])
	out := make([]Key, n)
	for i := range out {
		out[i] = s.ipv4(first + uint32(i))
	}
	return out, nil
}
