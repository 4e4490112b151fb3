package api

import (
	"sync"
	"time"

	"filo/internal/clock"
	"filo/internal/fault"
)

// Guard slows down who asks too often: so many tries in a window for each key,
// such as an address. It keeps a bounded number of keys.
type Guard struct {
	Clock  clock.Clock
	Tries  int
	Window time.Duration

	mu   sync.Mutex
	seen map[string][]time.Time
}

// maxKeys bounds the memory of a Guard.
const maxKeys = 50_000

// Try counts one try; it fails with TooMany beyond the limit.
func (g *Guard) Try(key string) error {
	now := g.Clock.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.seen == nil || len(g.seen) >= maxKeys {
		g.seen = map[string][]time.Time{}
	}
	list := g.seen[key]
	for len(list) > 0 && now.Sub(list[0]) >= g.Window {
		list = list[1:]
	}
	if len(list) >= g.Tries {
		g.seen[key] = list
		return fault.New(fault.TooMany, "fault.too_many")
	}
	g.seen[key] = append(list, now)
	return nil
}
