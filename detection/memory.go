package detection

import (
	"encoding/json"
	"net/netip"
	"time"

	"filo/internal/sigma"
)

// Saved is one count as it is kept on disk, so that it goes on after a restart.
type Saved struct {
	Rule     string     `json:"r"`
	Log      string     `json:"l"`
	From     netip.Addr `json:"f,omitzero"`
	Who      string     `json:"w,omitempty"`
	Gone     bool       `json:"x,omitempty"` // the count ended
	Born     int64      `json:"b,omitempty"`
	First    time.Time  `json:"t,omitzero"`
	Last     time.Time  `json:"u,omitzero"`
	Product  string     `json:"p,omitempty"`
	Zone     string     `json:"z,omitempty"`
	Kinds    []kind     `json:"k,omitempty"`
	N        int        `json:"n,omitempty"`
	Told     int        `json:"o,omitempty"`
	Dest     netip.Addr `json:"d,omitzero"`
	DestPort int        `json:"e,omitempty"`
	Proto    string     `json:"c,omitempty"`
	Ports    []uint16   `json:"i,omitempty"`
	At       []int64    `json:"a,omitempty"`
	Users    []string   `json:"s,omitempty"`
	Samples  []string   `json:"m,omitempty"`
	Threat   string     `json:"h,omitempty"`
}

func (b *bucket) saved() Saved {
	return Saved{
		Rule: b.key.rule.ID, Log: b.key.log, From: b.key.from, Who: b.key.who, Born: b.born, First: b.first, Last: b.last,
		Product: b.product, Zone: b.zone, Kinds: b.kinds, N: b.n, Told: b.told, Dest: b.dest, DestPort: b.destPort, Proto: b.proto,
		Ports: b.ports, At: b.at, Users: b.users, Samples: b.samples, Threat: b.threat,
	}
}

// Changed gives what changed since it was last asked, as JSON lines; nothing
// changed gives nothing. all gives every count there is.
func (g *Engine) Changed(all bool) []byte {
	var out []byte
	put := func(s Saved) {
		if b, err := json.Marshal(s); err == nil {
			out = append(append(out, b...), '\n')
		}
	}
	if !all {
		for _, k := range g.gone {
			if g.buckets[k] == nil {
				put(Saved{Rule: k.rule.ID, Log: k.log, From: k.from, Who: k.who, Gone: true})
			}
		}
	}
	g.gone = g.gone[:0]
	// What grew last stands at the end.
	for el := g.recent.Front(); el != nil; el = el.Next() {
		if b := el.Value.(*bucket); all || b.dirty {
			b.dirty = false
			put(b.saved())
		}
	}
	return out
}

// Restore takes in counts that Changed gave, in their order; one of a rule that
// is no longer there is left out.
func (g *Engine) Restore(lines []Saved) {
	for i := range lines {
		s := &lines[i]
		r := g.rule(s.Rule)
		if r == nil {
			continue
		}
		k := bucketKey{rule: r, log: s.Log, from: s.From, who: s.Who}
		if el := g.buckets[k]; el != nil {
			g.recent.Remove(el)
			delete(g.buckets, k)
			*g.nearby(&k) = nearby{}
		}
		if s.Gone || g.recent.Len() >= maxBuckets {
			continue
		}
		g.buckets[k] = g.recent.PushBack(&bucket{
			key: k, born: s.Born, first: s.First, last: s.Last, product: s.Product, zone: s.Zone, kinds: s.Kinds, n: s.N, told: s.Told,
			dest: s.Dest, destPort: s.DestPort, proto: s.Proto, ports: s.Ports, at: s.At, users: s.Users, samples: s.Samples, threat: s.Threat,
			fed: true,
		})
	}
}

func (g *Engine) rule(id string) *Rule {
	for _, m := range g.packs {
		if r, ok := m.pack.Find(id); ok {
			return r
		}
	}
	return nil
}

// Chains gives what the correlations remember, one text for each pack.
func (g *Engine) Chains() [][]byte {
	var out [][]byte
	for _, m := range g.packs {
		out = append(out, m.chain.Save())
	}
	return out
}

// RestoreChains takes it in again; what does not fit begins anew.
func (g *Engine) RestoreChains(saved [][]byte) {
	for i, m := range g.packs {
		if i >= len(saved) {
			return
		}
		if _, err := m.chain.Restore(saved[i]); err != nil {
			m.chain = m.pack.sigma.NewCorrelator()
		}
	}
}

// Counters says what the correlations could not use.
func (g *Engine) Counters() sigma.Counters {
	var c sigma.Counters
	for _, m := range g.packs {
		x := m.chain.Counters
		c.Evicted += x.Evicted
		c.Ungrouped += x.Ungrouped
		c.Valueless += x.Valueless
		c.Timeless += x.Timeless
		c.Late += x.Late
	}
	return c
}
