package syslog

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"filo/internal/edge/source/reading"
)

// conn is one sender's connection.
type conn struct {
	net.Conn
	from netip.Addr
	last atomic.Int64 // when it last gave a whole record, Unix nanoseconds
}

// admit takes a connection in, or refuses it when its address has too many.
func (s *Source) admit(c net.Conn) *conn {
	k := &conn{Conn: c}
	if ap, err := netip.ParseAddrPort(c.RemoteAddr().String()); err == nil {
		k.from = ap.Addr().Unmap()
	}
	k.last.Store(time.Now().UnixNano())
	s.mu.Lock()
	defer s.mu.Unlock()
	same := 0
	var idle *conn
	for o := range s.conns {
		if o.from == k.from {
			same++
		}
		if idle == nil || o.last.Load() < idle.last.Load() {
			idle = o
		}
	}
	if same >= maxPerHost {
		s.Drop(LostTooMany, 1)
		c.Close()
		return nil
	}
	if len(s.conns) >= maxConns {
		s.Note("idle connections closed", 1)
		idle.Close()
		delete(s.conns, idle)
	}
	s.conns[k] = struct{}{}
	return k
}

func (s *Source) serve(k *conn) {
	defer func() {
		k.Close()
		s.mu.Lock()
		delete(s.conns, k)
		s.mu.Unlock()
	}()
	var c net.Conn = k
	if s.tls != nil {
		t := tls.Server(k, s.tls)
		_ = k.SetDeadline(time.Now().Add(handshake))
		if err := t.Handshake(); err != nil {
			s.Drop(LostHandshake, 1)
			return
		}
		_ = k.SetDeadline(time.Time{})
		c = t
	}
	f := framer{r: bufio.NewReaderSize(c, 16<<10), deadline: func(on bool) {
		var t time.Time
		if on {
			t = time.Now().Add(frameTime)
		}
		_ = k.SetReadDeadline(t)
	}}
	for {
		b, cut, err := f.next()
		if cut {
			s.Cut(1)
		}
		if b = trimEnd(b); len(b) > 0 {
			s.Append(relay(b, k.from, s.c.Now()))
			k.last.Store(time.Now().UnixNano())
		}
		if err != nil {
			return
		}
	}
}

// framer takes a stream apart into records. A record that begins with a count
// ("57 <34>1 ...") is as long as it says; any other ends with its line. The two
// may follow one another on one connection.
type framer struct {
	r        *bufio.Reader
	deadline func(on bool) // a record must not take forever to end
	buf      []byte
}

// next gives a record, at most MaxLine of it; one that the end of the stream
// broke off comes together with the error.
func (f *framer) next() (b []byte, cut bool, err error) {
	if f.r.Buffered() == 0 {
		f.deadline(false)
	}
	first, err := f.r.Peek(1)
	if err != nil {
		return nil, false, err
	}
	f.deadline(true)
	if first[0] >= '1' && first[0] <= '9' {
		if n, ok, err := f.count(); ok || err != nil {
			if err != nil {
				return nil, false, err
			}
			return f.counted(n)
		}
	}
	return f.line()
}

// count reads the count of a record; ok is false when the digits are those of a
// line that begins with a number.
func (f *framer) count() (n int, ok bool, err error) {
	for i := 1; ; i++ {
		b, err := f.r.Peek(i)
		if err != nil {
			return 0, false, nil
		}
		switch c := b[i-1]; {
		case c >= '0' && c <= '9' && i <= 8:
			n = n*10 + int(c-'0')
			continue
		case c != ' ' || i == 1:
			return 0, false, nil
		}
		if b, err = f.r.Peek(i + 1); err != nil || b[i] != '<' {
			return 0, false, nil
		}
		_, err = f.r.Discard(i)
		return n, true, err
	}
}

func (f *framer) counted(n int) (b []byte, cut bool, err error) {
	keep := min(n, reading.MaxLine)
	f.buf = f.buf[:0]
	for len(f.buf) < keep {
		b, err := f.r.Peek(min(keep-len(f.buf), max(1, f.r.Buffered())))
		f.buf = append(f.buf, b...)
		_, _ = f.r.Discard(len(b))
		if err != nil {
			return f.buf, true, err
		}
	}
	_, err = io.CopyN(io.Discard, f.r, int64(n-keep))
	return f.buf, n > keep, err
}

func (f *framer) line() (b []byte, cut bool, err error) {
	f.buf = f.buf[:0]
	for {
		b, err := f.r.ReadSlice('\n')
		if room := reading.MaxLine - len(f.buf); len(b) > room {
			b, cut = b[:room], true
		}
		f.buf = append(f.buf, b...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return f.buf, cut, err
		}
	}
}
