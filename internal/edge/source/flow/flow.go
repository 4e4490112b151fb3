// Package flow takes in what routers and firewalls tell about connections:
// NetFlow 5 and 9, IPFIX, sFlow. Each flow becomes one JSON object on a line,
// with the translated address and port where the device tells them: behind a
// shared address nobody is found without.
package flow

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"filo/internal/edge/source/datagram"
	"filo/internal/edge/source/queue"
	"filo/internal/edge/source/reading"
)

// Why something was not given.
const (
	LostMalformed = "no flow record"
	LostTemplate  = "template never came"
	LostRefused   = "template refused"
	LostExporters = "too many exporters"
)

// noteWaiting is what the counters call sets whose template has not come.
const noteWaiting = "waiting for a template"

// Config says where to listen.
type Config struct {
	Address string // host:port
	SFlow   bool   // otherwise NetFlow and IPFIX, told apart by their version
	Dir     string // of the queue
	Limit   int64  // of the queue, bytes
	Now     func() time.Time
}

// Source listens, decodes and queues. It is given lines that already lie on disk.
type Source struct {
	*queue.Queue
	pc      *net.UDPConn
	waiting atomic.Int64
	work    sync.WaitGroup
}

// Open listens and goes on reading the queue at pos.
func Open(c Config, pos reading.Position) (*Source, error) {
	a, err := net.ResolveUDPAddr("udp", c.Address)
	if err != nil {
		return nil, fmt.Errorf("flows: %q is no address to listen on, such as 0.0.0.0:2055: %w", c.Address, err)
	}
	s := &Source{}
	if s.Queue, err = queue.Open(c.Dir, c.Limit, pos); err != nil {
		return nil, err
	}
	if s.pc, err = net.ListenUDP("udp", a); err != nil {
		s.Shut()
		return nil, fmt.Errorf("flows on %s: %w", c.Address, err)
	}
	d := newDecoder(&s.Queue.Tally)
	templates := filepath.Join(c.Dir, "templates.json")
	if err := d.load(templates); err != nil {
		s.Close()
		return nil, err
	}
	s.work.Go(func() {
		defer func() { d.save(templates, c.Now(), true) }()
		datagram.Serve(s.pc, &s.Queue.Tally, func(from netip.AddrPort, b []byte) {
			lines := d.netflow
			if c.SFlow {
				lines = d.sflow
			}
			s.Append(lines(from.Addr().Unmap(), b, c.Now())...)
			s.waiting.Store(int64(d.waiting))
			d.save(templates, c.Now(), false)
		})
	})
	return s, nil
}

// Addr is where it listens.
func (s *Source) Addr() net.Addr { return s.pc.LocalAddr() }

// Counters gives the account, with the sets that wait for their template.
func (s *Source) Counters() reading.Counters {
	c := s.Queue.Counters()
	if n := s.waiting.Load(); n > 0 {
		c.Add(reading.Counters{Notes: map[string]uint64{noteWaiting: uint64(n)}})
	}
	return c
}

// Close stops listening; what was queued stays.
func (s *Source) Close() {
	s.pc.Close()
	s.work.Wait()
	s.Shut()
}
