package flow

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/netsampler/goflow2/v2/decoders/sflow"
)

// sflow reads samples of sFlow 5. A sample is one packet of many: bytes and
// packets are those of the packet, and sampling says for how many it stands.
// Counters of interfaces are passed over: they tell of no connection.
func (d *decoder) sflow(from netip.Addr, b []byte, now time.Time) [][]byte {
	var p sflow.Packet
	if !sane(b) {
		d.tally.Drop(LostMalformed, 1)
		return nil
	}
	if err := sflow.DecodeMessageVersion(bytes.NewBuffer(b), &p); err != nil {
		d.tally.Drop(LostMalformed, 1)
	}
	agent := from
	if a, ok := netip.AddrFromSlice(p.AgentIP); ok && !a.IsUnspecified() {
		agent = a
	}
	var out [][]byte
	for _, s := range p.Samples {
		switch s := s.(type) {
		case sflow.FlowSample:
			out = d.sampled(out, s.Records, record{exporter: agent, sampling: uint64(s.SamplingRate), end: now})
		case sflow.ExpandedFlowSample:
			out = d.sampled(out, s.Records, record{exporter: agent, sampling: uint64(s.SamplingRate), end: now})
		}
	}
	return out
}

// An expanded sample carries the count of its records behind ten words.
const (
	expanded   = 3
	countAt    = 40
	maxRecords = 1000
)

// sane looks at the counts before the decoder believes them: it makes room for
// as many records as an expanded sample claims.
func sane(b []byte) bool {
	if len(b) < 28 {
		return false
	}
	at := 28
	if binary.BigEndian.Uint32(b[4:]) == 2 {
		at = 40
	}
	for at+8 <= len(b) {
		format, n := binary.BigEndian.Uint32(b[at:]), int(binary.BigEndian.Uint32(b[at+4:]))
		at += 8
		if n < 0 || n > len(b)-at {
			return true // the decoder stops here too
		}
		if format == expanded && n >= countAt+4 && binary.BigEndian.Uint32(b[at+countAt:]) > maxRecords {
			return false
		}
		at += n
	}
	return true
}

func (d *decoder) sampled(out [][]byte, records []sflow.FlowRecord, r record) [][]byte {
	r.packets = 1
	for _, x := range records {
		one := r
		switch v := x.Data.(type) {
		case sflow.SampledHeader:
			one.bytes = uint64(v.FrameLength)
			if !one.header(v.Protocol, v.HeaderData) {
				continue // no IP: ARP, spanning tree
			}
		case sflow.SampledIPv4:
			one.base(&v.SampledIPBase)
		case sflow.SampledIPv6:
			one.base(&v.SampledIPBase)
		default:
			continue
		}
		out = append(out, one.line("sflow"))
	}
	return out
}

func (r *record) base(v *sflow.SampledIPBase) {
	r.src, _ = netip.AddrFromSlice(v.SrcIP)
	r.dst, _ = netip.AddrFromSlice(v.DstIP)
	r.srcPort, r.dstPort = uint16(v.SrcPort), uint16(v.DstPort)
	r.proto, r.flags, r.bytes = uint8(v.Protocol), uint16(v.TcpFlags), uint64(v.Length)
}

// header reads the beginning of a packet as it went over the wire.
func (r *record) header(protocol uint32, b []byte) bool {
	kind := uint16(0)
	switch protocol {
	case 1: // Ethernet
		if len(b) < 14 {
			return false
		}
		kind, b = binary.BigEndian.Uint16(b[12:]), b[14:]
		for (kind == 0x8100 || kind == 0x88a8) && len(b) >= 4 { // VLAN
			kind, b = binary.BigEndian.Uint16(b[2:]), b[4:]
		}
	case 11:
		kind = 0x0800
	case 12:
		kind = 0x86dd
	}
	switch {
	case kind == 0x0800 && len(b) >= 20 && b[0]>>4 == 4:
		r.proto = b[9]
		r.src, _ = netip.AddrFromSlice(b[12:16])
		r.dst, _ = netip.AddrFromSlice(b[16:20])
		n := int(b[0]&15) * 4
		if binary.BigEndian.Uint16(b[6:])&0x1fff == 0 && n >= 20 && n <= len(b) { // not a later fragment
			r.transport(b[n:])
		}
	case kind == 0x86dd && len(b) >= 40 && b[0]>>4 == 6:
		r.proto = b[6]
		r.src, _ = netip.AddrFromSlice(b[8:24])
		r.dst, _ = netip.AddrFromSlice(b[24:40])
		b = b[40:]
		for (r.proto == 0 || r.proto == 43 || r.proto == 60) && len(b) >= 8 {
			n := (int(b[1]) + 1) * 8
			r.proto = b[0]
			b = b[min(n, len(b)):]
		}
		r.transport(b)
	default:
		return false
	}
	return true
}

func (r *record) transport(b []byte) {
	if (r.proto != 6 && r.proto != 17 && r.proto != 132) || len(b) < 4 {
		return
	}
	r.srcPort, r.dstPort = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	if r.proto == 6 && len(b) >= 14 {
		r.flags = uint16(b[13])
	}
}
