// Package datagram receives what devices send over UDP and never repeat, with as
// much room as the system gives, and an account of what found none.
package datagram

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"filo/internal/edge/source/reading"
)

const buffer = 16 << 20

// Lost is the reason why a datagram was not given.
const Lost = "receive buffer full"

// Serve gives f every datagram until the socket is closed. It enlarges the
// receive buffer as far as the system lets it, and counts what the kernel threw
// away for want of room. b is valid only during the call.
func Serve(pc *net.UDPConn, t *reading.Tally, f func(from netip.AddrPort, b []byte)) {
	enlarge(pc, buffer)
	b, oob := make([]byte, 1<<16), make([]byte, 128)
	var lost uint32
	for {
		n, k, _, from, err := pc.ReadMsgUDPAddrPort(b, oob)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // a refusal of an earlier answer, on some systems
			time.Sleep(time.Millisecond)
			continue
		}
		if sum, ok := overflow(oob[:k]); ok {
			t.Drop(Lost, uint64(sum-lost)) // a counter that may turn over
			lost = sum
		}
		f(from, b[:n])
	}
}
