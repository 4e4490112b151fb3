package edge

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"filo/internal/clock"
	"filo/packs"
)

// crawlers verifies by name who says to be a search engine: the address must lead
// to a name under the engine's domains, and that name back to the address. It asks
// beside the reading; until the answer is there a visitor counts as any other.
type crawlers struct {
	clock    clock.Clock
	resolver *net.Resolver
	engines  []crawler

	mu    sync.Mutex
	known map[netip.Addr]verified
	queue chan question
}

type crawler struct {
	word    []byte
	domains []string
}

type verified struct {
	yes   bool
	until time.Time
}

type question struct {
	addr    netip.Addr
	domains []string
}

// The limits of what is asked and remembered.
const (
	maxVerified = 10_000
	maxAsking   = 64
	verifiedFor = 24 * time.Hour
	askTimeout  = 5 * time.Second
)

func newCrawlers(c clock.Clock, r *net.Resolver) *crawlers {
	x := &crawlers{clock: c, resolver: r, known: map[netip.Addr]verified{}, queue: make(chan question, maxAsking)}
	b, err := packs.Allow.ReadFile("allow/crawlers.csv")
	if err != nil {
		return x // a test reads it
	}
	for line := range strings.Lines(string(b)) {
		word, domains, ok := strings.Cut(strings.TrimSpace(line), ";")
		if ok && !strings.HasPrefix(line, "#") {
			x.engines = append(x.engines, crawler{[]byte(word), strings.Fields(domains)})
		}
	}
	return x
}

// run asks the names until ctx ends.
func (x *crawlers) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case q := <-x.queue:
			yes, sure := x.ask(ctx, q)
			life := verifiedFor
			if !sure {
				life = 10 * time.Minute // no answer: ask again later
			}
			x.mu.Lock()
			if len(x.known) >= maxVerified {
				clear(x.known)
			}
			x.known[q.addr] = verified{yes, x.clock.Now().Add(life)}
			x.mu.Unlock()
		}
	}
}

func (x *crawlers) ask(ctx context.Context, q question) (yes, sure bool) {
	ctx, stop := context.WithTimeout(ctx, askTimeout)
	defer stop()
	names, err := x.resolver.LookupAddr(ctx, q.addr.String())
	if err != nil {
		return false, isNotFound(err)
	}
	for _, name := range names {
		name = strings.ToLower(strings.TrimSuffix(name, "."))
		if !slices.ContainsFunc(q.domains, func(d string) bool { return strings.HasSuffix(name, "."+d) }) {
			continue
		}
		back, err := x.resolver.LookupNetIP(ctx, "ip", name)
		if err != nil {
			return false, isNotFound(err)
		}
		for _, a := range back {
			if a.Unmap() == q.addr {
				return true, true
			}
		}
	}
	return false, true
}

func isNotFound(err error) bool {
	e, ok := err.(*net.DNSError)
	return ok && e.IsNotFound
}

// allowed reports whether a visitor is a search engine that was verified.
func (x *crawlers) allowed(addr netip.Addr, agent []byte) bool {
	if len(agent) == 0 {
		return false
	}
	lower := bytes.ToLower(agent)
	for _, e := range x.engines {
		if !bytes.Contains(lower, e.word) {
			continue
		}
		x.mu.Lock()
		v, ok := x.known[addr]
		if ok && x.clock.Now().After(v.until) {
			delete(x.known, addr)
			ok = false
		}
		x.mu.Unlock()
		if !ok {
			select {
			case x.queue <- question{addr, e.domains}:
			default: // too many at once: it is asked with a later line
			}
		}
		return v.yes && ok
	}
	return false
}
