package flow

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"filo/internal/edge/source/reading"

	"github.com/netsampler/goflow2/v2/decoders/netflow"
	"github.com/netsampler/goflow2/v2/decoders/netflowlegacy"
)

// decoder turns datagrams into lines. It is used by one goroutine.
type decoder struct {
	tally     *reading.Tally
	exporters map[netip.Addr]*exporter
	waiting   int // sets, of all exporters
	waitBytes int
	changed   bool // templates came since they were written
	written   time.Time
}

func newDecoder(t *reading.Tally) *decoder {
	return &decoder{tally: t, exporters: map[netip.Addr]*exporter{}}
}

// netflow reads NetFlow 5 and 9 and IPFIX.
func (d *decoder) netflow(from netip.Addr, b []byte, now time.Time) [][]byte {
	if len(b) < 20 {
		d.tally.Drop(LostMalformed, 1)
		return nil
	}
	version := binary.BigEndian.Uint16(b)
	if version == 5 {
		return d.v5(from, b)
	}
	if version != 9 && version != 10 {
		d.tally.Drop(LostMalformed, 1)
		return nil
	}
	e := d.exporter(from)
	if e == nil {
		d.tally.Drop(LostExporters, 1)
		return nil
	}
	before, bytes := len(e.waiting), e.waitBytes
	out := d.message(e, from, b, nil)
	d.changed = d.changed || len(e.fresh) > 0
	for _, w := range e.ready() {
		out = d.message(e, from, w, out)
	}
	d.waiting += len(e.waiting) - before
	d.waitBytes += e.waitBytes - bytes
	return out
}

// exporter gives what is known of a device. One that never told a template makes
// room for another: anybody can send a datagram in any name.
func (d *decoder) exporter(from netip.Addr) *exporter {
	if e := d.exporters[from]; e != nil {
		return e
	}
	if len(d.exporters) >= maxExporters {
		for a, e := range d.exporters {
			if len(e.templates) == 0 {
				d.tally.Drop(LostTemplate, uint64(len(e.waiting)))
				d.waiting -= len(e.waiting)
				d.waitBytes -= e.waitBytes
				delete(d.exporters, a)
				break
			}
		}
	}
	if len(d.exporters) >= maxExporters {
		return nil
	}
	e := newExporter()
	d.exporters[from] = e
	return e
}

func (d *decoder) v5(from netip.Addr, b []byte) [][]byte {
	var p netflowlegacy.PacketNetFlowV5
	if len(b) < 24 || int(binary.BigEndian.Uint16(b[2:])) > (len(b)-24)/48 {
		d.tally.Drop(LostMalformed, 1)
		return nil
	}
	if err := netflowlegacy.DecodeMessageVersion(bytes.NewBuffer(b), &p); err != nil {
		d.tally.Drop(LostMalformed, 1)
		return nil
	}
	sent := time.Unix(int64(p.UnixSecs), int64(p.UnixNSecs))
	out := make([][]byte, 0, len(p.Records))
	for i := range p.Records {
		x := &p.Records[i]
		r := record{
			src: v4(uint32(x.SrcAddr)), dst: v4(uint32(x.DstAddr)), srcPort: x.SrcPort, dstPort: x.DstPort, proto: x.Proto,
			flags: uint16(x.TCPFlags), bytes: uint64(x.DOctets), packets: uint64(x.DPkts), exporter: from,
			start: uptime(sent, p.SysUptime, x.First), end: uptime(sent, p.SysUptime, x.Last),
			sampling: uint64(p.SamplingInterval & 0x3fff),
		}
		out = append(out, r.line("netflow5"))
	}
	return out
}

func v4(n uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

// uptime turns milliseconds since the device started, which turn over after 49
// days, into a time.
func uptime(sent time.Time, now, at uint32) time.Time {
	return sent.Add(time.Duration(int32(at-now)) * time.Millisecond)
}

// message reads one message of version 9 or 10.
func (d *decoder) message(e *exporter, from netip.Addr, b []byte, out [][]byte) [][]byte {
	var nine netflow.NFv9Packet
	var ten netflow.IPFIXPacket
	err := netflow.DecodeMessageVersion(bytes.NewBuffer(b), e, &nine, &ten)
	switch {
	case errors.Is(err, errTemplate):
		d.tally.Drop(LostRefused, 1)
	case err != nil && !errors.Is(err, netflow.ErrorTemplateNotFound):
		d.tally.Drop(LostMalformed, 1)
	}
	m := message{exporter: from, kind: "netflow9", head: b[:20], domain: nine.SourceId, up: nine.SystemUptime, sent: time.Unix(int64(nine.UnixSeconds), 0)}
	sets := nine.FlowSets
	if ten.Version == 10 {
		m = message{exporter: from, kind: "ipfix", head: b[:16], domain: ten.ObservationDomainId, sent: time.Unix(int64(ten.ExportTime), 0)}
		sets = ten.FlowSets
	}
	for _, set := range sets {
		switch s := set.(type) {
		case netflow.OptionsDataFlowSet:
			for _, o := range s.Records {
				e.options(m.domain, o.OptionsValues)
			}
		case netflow.DataFlowSet:
			for _, x := range s.Records {
				r := m.record(x.Values)
				if r.sampling == 0 {
					r.sampling = e.sampling[m.domain]
				}
				out = append(out, r.line(m.kind))
			}
		case netflow.RawFlowSet:
			k := templateKey{binary.BigEndian.Uint16(b), m.domain, s.Id}
			if d.waitBytes > maxAllWaiting {
				d.tally.Drop(LostTemplate, 1)
				continue
			}
			d.tally.Drop(LostTemplate, uint64(e.wait(waiting{k, m.alone(s)})))
		}
	}
	return out
}

// message is what the head of a message says about its records.
type message struct {
	exporter netip.Addr
	kind     string
	head     []byte
	domain   uint32
	up       uint32
	sent     time.Time
}

// alone makes a message of one set, which is read when its template comes.
func (m *message) alone(s netflow.RawFlowSet) []byte {
	b := append(make([]byte, 0, len(m.head)+4+len(s.Records)), m.head...)
	b = binary.BigEndian.AppendUint16(b, s.Id)
	b = binary.BigEndian.AppendUint16(b, uint16(4+len(s.Records)))
	b = append(b, s.Records...)
	if m.kind == "ipfix" {
		binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	} else {
		binary.BigEndian.PutUint16(b[2:], 1)
	}
	return b
}

// options takes the sampling out of what an exporter says about itself.
func (e *exporter) options(domain uint32, values []netflow.DataField) {
	var interval, space uint64
	for _, v := range values {
		switch n := number(v.Value); {
		case v.PenProvided:
		case v.Type == 34 || v.Type == 50 || v.Type == 305:
			interval = max(interval, n)
		case v.Type == 306:
			space = n
		}
	}
	if interval > 0 {
		e.sampling[domain] = interval + space
	}
	if len(e.sampling) > maxTemplates {
		clear(e.sampling)
	}
}

func number(v any) (n uint64) {
	b, _ := v.([]byte)
	if len(b) > 8 {
		return 0
	}
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n
}
