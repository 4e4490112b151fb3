package flow

import (
	"net/netip"
	"strconv"
	"time"

	"filo/internal/edge/source/reading"
)

// record is one flow, whatever told it.
type record struct {
	src, dst         netip.Addr
	srcPort, dstPort uint16
	natSrc, natDst   netip.Addr
	natSrcPort       uint16
	natDstPort       uint16
	proto            uint8
	flags            uint16
	bytes, packets   uint64
	start, end       time.Time
	exporter         netip.Addr
	sampling         uint64 // one packet of so many was looked at; 0: not told
	event            uint64 // of firewalls: 1 created, 2 deleted, 3 denied
	natEvent         uint64
	user             []byte
}

var protoNames = map[uint8]string{1: "icmp", 2: "igmp", 6: "tcp", 17: "udp", 47: "gre", 50: "esp", 51: "ah", 58: "icmp6", 132: "sctp"}

// line writes the record as one JSON object.
func (r *record) line(kind string) []byte {
	b := append(make([]byte, 0, 384), `{"event_type":"flow","flow":"`...)
	b = append(append(b, kind...), '"')
	when := func(name string, t time.Time) {
		if !t.IsZero() {
			b = append(append(append(b, `,"`...), name...), `":"`...)
			b = t.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z07:00")
			b = append(b, '"')
		}
	}
	addr := func(name string, a netip.Addr) {
		if a.IsValid() {
			b = append(append(append(b, `,"`...), name...), `":"`...)
			b = append(a.Unmap().AppendTo(b), '"')
		}
	}
	num := func(name string, n uint64, always bool) {
		if n > 0 || always {
			b = append(append(append(b, `,"`...), name...), `":`...)
			b = strconv.AppendUint(b, n, 10)
		}
	}
	last := r.end
	if last.IsZero() {
		last = r.start
	}
	when("timestamp", last)
	ports := r.proto == 6 || r.proto == 17 || r.proto == 132
	addr("source_ip", r.src)
	num("source_port", uint64(r.srcPort), ports)
	addr("destination_ip", r.dst)
	num("destination_port", uint64(r.dstPort), ports)
	if name := protoNames[r.proto]; name != "" {
		b = append(append(append(b, `,"proto":"`...), name...), '"')
	} else {
		num("proto", uint64(r.proto), true)
	}
	num("bytes", r.bytes, true)
	num("packets", r.packets, true)
	num("flags", uint64(r.flags), r.proto == 6)
	when("start", r.start)
	when("end", r.end)
	addr("nat_source_ip", r.natSrc)
	num("nat_source_port", uint64(r.natSrcPort), false)
	addr("nat_destination_ip", r.natDst)
	num("nat_destination_port", uint64(r.natDstPort), false)
	num("firewall_event", r.event, false)
	num("nat_event", r.natEvent, false)
	if len(r.user) > 0 {
		b = reading.Quote(append(b, `,"user":`...), r.user)
	}
	addr("exporter", r.exporter)
	num("sampling", r.sampling, false)
	return append(b, '}')
}
