package edge

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"filo/internal/clock"

	"golang.org/x/net/dns/dnsmessage"
)

// names answers DNS questions on loopback: addresses lead to names, names to
// addresses.
func names(t *testing.T, back map[string]string, forward map[string]netip.Addr) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			m.Response, m.Additionals = true, nil
			h := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60}
			if name, ok := back[q.Name.String()]; ok && q.Type == dnsmessage.TypePTR {
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.PTRResource{PTR: dnsmessage.MustNewName(name)}})
			} else if a, ok := forward[q.Name.String()]; ok && q.Type == dnsmessage.TypeA {
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: a.As4()}})
			} else if !ok && forward[q.Name.String()] == (netip.Addr{}) {
				m.RCode = dnsmessage.RCodeNameError
			}
			if out, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(out, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func TestASearchEngineIsAllowedOnlyWhenItsNameLeadsBackToIt(t *testing.T) {
	real, fake, liar := netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("203.0.113.8"), netip.MustParseAddr("203.0.113.9")
	r := names(t, map[string]string{
		"7.113.0.203.in-addr.arpa.": "crawl-7.googlebot.com.",
		"8.113.0.203.in-addr.arpa.": "host8.provider.example.",
		"9.113.0.203.in-addr.arpa.": "crawl-9.googlebot.com.", // whoever owns the address may write this
	}, map[string]netip.Addr{"crawl-7.googlebot.com.": real, "crawl-9.googlebot.com.": real, "host8.provider.example.": fake})
	x := newCrawlers(clock.NewFake(start), r)
	if len(x.engines) < 5 {
		t.Fatalf("%d search engines in the pack", len(x.engines))
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); x.run(ctx) }()
	defer func() { stop(); <-done }()
	agent := []byte("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)")
	for _, a := range []netip.Addr{real, fake, liar} {
		if x.allowed(a, agent) {
			t.Errorf("%s is allowed before anybody asked", a)
		}
	}
	deadline := time.After(20 * time.Second)
	for answered := 0; answered < 3; {
		select {
		case <-deadline:
			t.Fatal("the answers never came")
		case <-time.After(10 * time.Millisecond):
		}
		x.mu.Lock()
		answered = len(x.known)
		x.mu.Unlock()
	}
	if !x.allowed(real, agent) || x.allowed(fake, agent) || x.allowed(liar, agent) {
		t.Errorf("real %v, fake %v, liar %v", x.allowed(real, agent), x.allowed(fake, agent), x.allowed(liar, agent))
	}
	if x.allowed(real, []byte("curl/8")) {
		t.Error("who does not say to be a search engine is none")
	}
}
