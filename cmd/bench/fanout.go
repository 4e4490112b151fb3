package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"filo/access"
	"filo/alert"
	"filo/internal/app"
	"filo/internal/demo"
	"filo/internal/edge/link"
	"filo/internal/ids"
	"filo/internal/spool"
	"filo/internal/wire"
	"filo/territory"
)

const links = 1000

// fanOut measures from "publish" to "every agent has the indicator on its disk",
// with 1,000 mutually authenticated links on loopback, client and server on the
// same cores.
func (b *bench) fanOut() error {
	n, err := b.node("fanout", "")
	if err != nil {
		return err
	}
	defer n.Close()
	lnk, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	pages, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	n.Config.Link.Public = "https://" + lnk.Addr().String()
	ctx, stop := context.WithCancel(b.ctx)
	done := make(chan error, 1)
	go func() { done <- n.Serve(ctx, pages, lnk, http.NotFoundHandler()) }()
	defer func() { stop(); <-done }()
	clients, err := b.enrol(n)
	if err != nil {
		return err
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	took := make(chan time.Duration, links)
	var t0 time.Time
	var wg sync.WaitGroup
	var ready sync.WaitGroup
	ready.Add(links)
	for i, c := range clients {
		wg.Go(func() { b.follow(ctx, c, filepath.Join(b.dir, fmt.Sprint("on-disk-", i)), &t0, took, ready.Done) })
	}
	ready.Wait() // every link has its stream and asked once: what follows is the alert alone
	v := access.Viewer{Kind: access.National, Role: access.Officer, Centre: territory.NationalCentre}
	t0 = time.Now()
	_, err = n.Flow.Publish(b.ctx, v, alert.Alert{Title: "Misura", What: "Misura", TLP: access.TLPAmber, Priority: access.Urgent}, []string{"203.0.113.9"})
	if err != nil {
		return err
	}
	published := time.Since(t0)
	var all []time.Duration
	for range links {
		all = append(all, <-took)
	}
	stop()
	wg.Wait()
	p50, p99 := quantile(all, 0.5), quantile(all, 0.99)
	const limit = 1000.0 // the design: every agent reached in under a second
	b.say("publish commits (1,000 bodies)", float64(published.Microseconds())/1000, "ms", "limit 1,000 ms", float64(published.Milliseconds())/limit)
	b.say("indicator on disk of 1,000 agents, p50", p50, "ms", "limit 1,000 ms", p50/limit)
	b.say("indicator on disk of 1,000 agents, p99", p99, "ms", "limit 1,000 ms", p99/limit)
	b.say("resident memory, node and 1,000 clients in one process", float64(resident())/(1<<20), "MB", "limit 250 MB for the node alone", float64(resident())/(250<<20))
	return nil
}

// resident gives the process's memory as the system counts it.
func resident() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, res int64
	fmt.Sscan(string(b), &size, &res)
	return res * int64(os.Getpagesize())
}

func (b *bench) enrol(n *app.Node) ([]*link.Client, error) {
	if _, err := n.Seed(b.ctx); err != nil {
		return nil, err
	}
	var list []territory.Body
	for after, more := "", true; more && len(list) < links; {
		part, next, err := n.Territory.Bodies(b.ctx, access.AsSystem("misura"), territory.Query{After: after, Limit: 200})
		if err != nil {
			return nil, err
		}
		list, after, more = append(list, part...), next, next != ""
	}
	var out []*link.Client
	for i, body := range list[:links] {
		if _, err := demo.Place(b.ctx, n, body.Name, body.Belfiore); err != nil {
			return nil, err
		}
		c, err := b.client(n, body.ID, body.Centre, i)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

func (b *bench) client(n *app.Node, body, centre ids.ID, i int) (*link.Client, error) {
	v := access.OfBody(body)
	v.Role = access.Technician
	code, err := n.Agents.Invite(b.ctx, v, body, centre)
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		return nil, err
	}
	a, cert, err := n.Agents.Enrol(b.ctx, wire.EnrolRequest{Code: code, CSR: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr}))}, n.Flow.Centre)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	id := link.Identity{Key: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))}
	id.Agent, id.Body, id.Certificate, id.CA, id.Link, id.NotAfter = a.ID, body, cert, n.Keys.CA(), n.Config.Link.Public, a.NotAfter
	return link.New(filepath.Join(b.dir, fmt.Sprint("agent-", i)), id)
}

// follow is one agent as far as the fan-out goes: stream, changes, disk.
func (b *bench) follow(ctx context.Context, c *link.Client, path string, t0 *time.Time, took chan<- time.Duration, ready func()) {
	woken := make(chan struct{}, 1)
	go func() {
		for ctx.Err() == nil {
			_ = c.Watch(ctx, func() {
				select {
				case woken <- struct{}{}:
				default:
				}
			})
		}
	}()
	var cursor uint64
	asked := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-woken:
		}
		page, err := c.Changes(ctx, cursor)
		if err == nil && !asked {
			asked = true
			ready()
		}
		if err != nil || len(page.Changes) == 0 {
			continue
		}
		cursor = page.Next
		raw, _ := json.Marshal(page)
		if spool.WriteFile(path, raw) == nil {
			took <- time.Since(*t0)
		}
	}
}
