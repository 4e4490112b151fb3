// Package syslog takes in what the firewalls, switches and servers of a Comune
// send over the network: UDP, TCP and TLS, by RFC 3164 or 5424, with octet
// counting or with line ends. It only frames; what a line means is read later.
package syslog

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"filo/internal/edge/source/datagram"
	"filo/internal/edge/source/queue"
	"filo/internal/edge/source/reading"
)

// Limits of what strangers may cost.
const (
	maxConns   = 256              // at a time; a new one takes the place of the most idle one
	maxPerHost = 64               // of one address
	frameTime  = 30 * time.Second // for the rest of a record that has begun
	handshake  = 10 * time.Second
)

// Why something was not given.
const (
	LostTooMany   = "too many connections"
	LostHandshake = "TLS handshake failed"
)

// Config says where to listen.
type Config struct {
	Network string // udp, tcp or tls
	Address string // host:port
	Cert    string // tls: files in PEM
	Key     string
	CA      string // tls: senders must show a certificate of this authority; empty: they need none
	Dir     string // of the queue
	Limit   int64  // of the queue, bytes
	Now     func() time.Time
}

// Source listens and queues. It is given lines that already lie on disk.
type Source struct {
	*queue.Queue
	c     Config
	pc    *net.UDPConn
	ln    net.Listener
	tls   *tls.Config
	mu    sync.Mutex
	conns map[*conn]struct{}
	work  sync.WaitGroup
}

// Open listens and goes on reading the queue at pos.
func Open(c Config, pos reading.Position) (*Source, error) {
	s := &Source{c: c, conns: map[*conn]struct{}{}}
	if c.Network == "tls" {
		if err := s.loadTLS(); err != nil {
			return nil, err
		}
	}
	var err error
	if s.Queue, err = queue.Open(c.Dir, c.Limit, pos); err != nil {
		return nil, err
	}
	if err := s.listen(); err != nil {
		s.Shut()
		return nil, fmt.Errorf("syslog on %s %s: %w", c.Network, c.Address, err)
	}
	return s, nil
}

func (s *Source) loadTLS() error {
	pair, err := tls.LoadX509KeyPair(s.c.Cert, s.c.Key)
	if err != nil {
		return fmt.Errorf("syslog over TLS needs a certificate and its key (?cert=FILE&key=FILE): %w", err)
	}
	s.tls = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	if s.c.CA == "" {
		return nil
	}
	pem, err := os.ReadFile(s.c.CA)
	if err != nil {
		return fmt.Errorf("authority of the senders: %w", err)
	}
	s.tls.ClientCAs = x509.NewCertPool()
	if !s.tls.ClientCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%s holds no certificate in PEM", s.c.CA)
	}
	s.tls.ClientAuth = tls.RequireAndVerifyClientCert
	return nil
}

func (s *Source) listen() error {
	if s.c.Network == "udp" {
		a, err := net.ResolveUDPAddr("udp", s.c.Address)
		if err != nil {
			return err
		}
		if s.pc, err = net.ListenUDP("udp", a); err != nil {
			return err
		}
		s.work.Go(func() { datagram.Serve(s.pc, &s.Queue.Tally, s.datagram) })
		return nil
	}
	ln, err := net.Listen("tcp", s.c.Address)
	if err != nil {
		return err
	}
	s.ln = ln
	s.work.Go(s.accept)
	return nil
}

// Addr is where it listens.
func (s *Source) Addr() net.Addr {
	if s.pc != nil {
		return s.pc.LocalAddr()
	}
	return s.ln.Addr()
}

func (s *Source) datagram(from netip.AddrPort, b []byte) {
	if b = trimEnd(b); len(b) > 0 {
		s.Append(relay(b, from.Addr().Unmap(), s.c.Now()))
	}
}

func (s *Source) accept() {
	for {
		c, err := s.ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors: try again
			time.Sleep(100 * time.Millisecond)
			continue
		}
		if k := s.admit(c); k != nil {
			s.work.Go(func() { s.serve(k) })
		}
	}
}

// Close stops listening; what was queued stays.
func (s *Source) Close() {
	if s.pc != nil {
		s.pc.Close()
	}
	if s.ln != nil {
		s.ln.Close()
	}
	s.mu.Lock()
	for k := range s.conns {
		k.Close()
	}
	s.mu.Unlock()
	s.work.Wait()
	s.Shut()
}
