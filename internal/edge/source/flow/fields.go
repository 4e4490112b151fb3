package flow

import (
	"net/netip"
	"time"

	"github.com/netsampler/goflow2/v2/decoders/netflow"
)

// record reads the fields of one record, by the numbers that NetFlow 9 and the
// IANA's list for IPFIX share.
func (m *message) record(values []netflow.DataField) record {
	r := record{exporter: m.exporter}
	boot := m.sent.Add(-time.Duration(m.up) * time.Millisecond)
	for i := range values { // the field that the up-times of IPFIX count from
		if v := &values[i]; v.Type == 160 && !v.PenProvided {
			boot = time.UnixMilli(int64(number(v.Value)))
		}
	}
	for i := range values {
		v := &values[i]
		b, _ := v.Value.([]byte)
		if v.PenProvided || r.address(v.Type, b) || m.instant(&r, v.Type, b, boot) {
			continue
		}
		switch n := number(b); v.Type {
		case 1, 23, 85, 231:
			r.bytes += n
		case 2, 24, 86, 298:
			r.packets += n
		case 4:
			r.proto = uint8(n)
		case 6:
			r.flags = uint16(n)
		case 7:
			r.srcPort = uint16(n)
		case 11:
			r.dstPort = uint16(n)
		case 34, 305:
			r.sampling = n
		case 227:
			r.natSrcPort = uint16(n)
		case 228:
			r.natDstPort = uint16(n)
		case 230:
			r.natEvent = n
		case 233, 40005:
			r.event = n
		case 371, 40000:
			r.user = trimZero(b)
		}
	}
	return r
}

func trimZero(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	return b[:min(len(b), 256)]
}

func (r *record) address(kind uint16, b []byte) bool {
	var to *netip.Addr
	switch kind {
	case 8, 27:
		to = &r.src
	case 12, 28:
		to = &r.dst
	case 225, 281, 40001:
		to = &r.natSrc
	case 226, 282, 40002:
		to = &r.natDst
	case 40003: // the numbers of an early firewall
		r.natSrcPort = uint16(number(b))
		return true
	case 40004:
		r.natDstPort = uint16(number(b))
		return true
	default:
		return false
	}
	// A template may name both families; the one that does not apply is zero.
	if a, ok := netip.AddrFromSlice(b); ok && (!to.IsValid() || !a.IsUnspecified()) {
		*to = a
	}
	return true
}

func (m *message) instant(r *record, kind uint16, b []byte, boot time.Time) bool {
	n := number(b)
	switch kind {
	case 22, 21:
		t := boot.Add(time.Duration(n) * time.Millisecond)
		if m.kind == "netflow9" {
			t = uptime(m.sent, m.up, uint32(n))
		}
		r.when(kind == 22, t)
	case 150, 151:
		r.when(kind == 150, time.Unix(int64(n), 0))
	case 152, 153:
		r.when(kind == 152, time.UnixMilli(int64(n)))
	case 154, 155, 156, 157: // seconds since 1900 and a fraction, 32 bits each
		sec := int64(n>>32) - 2208988800
		r.when(kind&1 == 0, time.Unix(sec, int64((n&0xffffffff)*1e9>>32)))
	case 158, 159:
		r.when(kind == 158, m.sent.Add(-time.Duration(n)*time.Microsecond))
	case 322:
		r.when(true, time.Unix(int64(n), 0))
	case 323:
		r.when(true, time.UnixMilli(int64(n)))
	default:
		return false
	}
	return true
}

func (r *record) when(start bool, t time.Time) {
	if t.Year() < 1970 || t.Year() > 9999 {
		return
	}
	if start {
		r.start = t
	} else {
		r.end = t
	}
}
