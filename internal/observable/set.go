package observable

import (
	"net/netip"
	"strings"
	"sync"

	"github.com/gaissmai/bart"
)

// Set holds what is watched for: values with the names of whoever asked for
// them. It is safe for many readers beside one writer.
type Set struct {
	mu    sync.RWMutex
	exact map[Value][]string
	nets  *bart.Table[[]string]
}

// NewSet makes an empty set.
func NewSet() *Set {
	return &Set{exact: map[Value][]string{}, nets: new(bart.Table[[]string])}
}

// Add watches for a value on behalf of key. A value that is in no normal form
// is refused.
func (s *Set) Add(kind, value, key string) error {
	v, err := Parse(kind, value)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if kind == Network {
		p := netip.MustParsePrefix(v.Value)
		keys, _ := s.nets.Get(p)
		s.nets.Insert(p, with(keys, key))
		return nil
	}
	s.exact[v] = with(s.exact[v], key)
	return nil
}

func with(keys []string, key string) []string {
	for _, k := range keys {
		if k == key {
			return keys
		}
	}
	return append(append([]string{}, keys...), key)
}

func without(keys []string, key string) []string {
	var out []string
	for _, k := range keys {
		if k != key {
			out = append(out, k)
		}
	}
	return out
}

// Remove stops watching for a value on behalf of key.
func (s *Set) Remove(kind, value, key string) {
	v, err := Parse(kind, value)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if kind == Network {
		p := netip.MustParsePrefix(v.Value)
		keys, _ := s.nets.Get(p)
		if keys = without(keys, key); len(keys) == 0 {
			s.nets.Delete(p)
		} else {
			s.nets.Insert(p, keys)
		}
		return
	}
	if keys := without(s.exact[v], key); len(keys) == 0 {
		delete(s.exact, v)
	} else {
		s.exact[v] = keys
	}
}

// Len counts the values watched for.
func (s *Set) Len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.exact) + s.nets.Size()
}

// Match gives who watches for a value that was found. A name also fits an
// indicator that names a domain above it.
func (s *Set) Match(v Value) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	keys := s.exact[v]
	switch v.Kind {
	case IPv4, IPv6:
		if s.nets.Size() == 0 {
			break
		}
		a, err := netip.ParseAddr(v.Value)
		if err != nil {
			break
		}
		if more, ok := s.nets.Lookup(a); ok {
			for _, k := range more {
				keys = with(keys, k)
			}
		}
	case Domain:
		for name := v.Value; ; {
			_, up, ok := strings.Cut(name, ".")
			if !ok || !strings.Contains(up, ".") {
				break
			}
			for _, k := range s.exact[Value{Domain, up}] {
				keys = with(keys, k)
			}
			name = up
		}
	}
	return keys
}
