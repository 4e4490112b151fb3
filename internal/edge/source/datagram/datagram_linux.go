package datagram

import (
	"encoding/binary"
	"net"

	"golang.org/x/sys/unix"
)

// enlarge asks for a large receive buffer, beyond the system's limit when the
// agent may, and for the count of what found no room.
func enlarge(pc *net.UDPConn, size int) {
	_ = pc.SetReadBuffer(size)
	raw, err := pc.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, size)
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1)
	})
}

// overflow finds the kernel's count of lost datagrams in what came beside one.
func overflow(oob []byte) (uint32, bool) {
	if len(oob) == 0 {
		return 0, false
	}
	list, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return 0, false
	}
	for _, m := range list {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_RXQ_OVFL && len(m.Data) >= 4 {
			return binary.NativeEndian.Uint32(m.Data), true
		}
	}
	return 0, false
}
