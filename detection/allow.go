package detection

import (
	"net/netip"
	"time"

	"github.com/gaissmai/bart"
)

// Allow is an entry of the allow-list: what comes from there is never counted.
// It wins before anything else looks at a line.
type Allow struct {
	Network netip.Prefix
	Reason  string
	Until   time.Time // zero: for good
}

// ParseAllow reads an address or a network.
func ParseAllow(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err == nil {
		return p.Masked(), nil
	}
	a, err2 := netip.ParseAddr(text)
	if err2 != nil {
		return p, err
	}
	return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
}

type allowList struct{ table *bart.Table[Allow] }

func (l *allowList) set(list []Allow) {
	l.table = new(bart.Table[Allow])
	for _, a := range list {
		if old, ok := l.table.Get(a.Network); ok && (old.Until.IsZero() || !a.Until.IsZero() && a.Until.Before(old.Until)) {
			continue
		}
		l.table.Insert(a.Network, a)
	}
}

// find gives the entry that covers an address at a time; one that is over covers
// nothing, a wider one may.
func (l *allowList) find(a netip.Addr, at time.Time) (Allow, bool) {
	if l.table.Size() == 0 || !l.table.Contains(a) {
		return Allow{}, false
	}
	for _, e := range l.table.Supernets(netip.PrefixFrom(a, a.BitLen())) {
		if e.Until.IsZero() || at.Before(e.Until) {
			return e, true
		}
	}
	return Allow{}, false
}

// Allows tells whether the allow-list covers an address at a time, and by which entry.
func (g *Engine) Allows(a netip.Addr, at time.Time) (Allow, bool) { return g.allow.find(a, at) }
