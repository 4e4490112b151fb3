package flow

import (
	"encoding/binary"
	"encoding/json"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"filo/internal/edge/source/reading"
)

var router = netip.MustParseAddr("192.0.2.254")

func now() time.Time { return time.Date(2026, 11, 25, 9, 30, 0, 0, time.UTC) }

// words makes bytes of numbers by their width: uint8, uint16, uint32, bytes.
func words(list ...any) (b []byte) {
	for _, x := range list {
		switch v := x.(type) {
		case uint8:
			b = append(b, v)
		case uint16:
			b = binary.BigEndian.AppendUint16(b, v)
		case uint32:
			b = binary.BigEndian.AppendUint32(b, v)
		case uint64:
			b = binary.BigEndian.AppendUint64(b, v)
		case []byte:
			b = append(b, v...)
		case string:
			a := netip.MustParseAddr(v)
			b = append(b, a.AsSlice()...)
		}
	}
	return b
}

func set(id uint16, body []byte) []byte {
	return append(words(id, uint16(4+len(body))), body...)
}

func nine(count uint16, up uint32, sets ...[]byte) []byte {
	b := words(uint16(9), count, up, uint32(now().Unix()), uint32(1), uint32(7))
	for _, s := range sets {
		b = append(b, s...)
	}
	return b
}

func ten(sets ...[]byte) []byte {
	n := 16
	for _, s := range sets {
		n += len(s)
	}
	b := words(uint16(10), uint16(n), uint32(now().Unix()), uint32(1), uint32(7))
	for _, s := range sets {
		b = append(b, s...)
	}
	return b
}

func object(t *testing.T, lines [][]byte, want int) map[string]any {
	t.Helper()
	if len(lines) != want {
		t.Fatalf("%d lines, want %d: %s", len(lines), want, lines)
	}
	var m map[string]any
	if err := json.Unmarshal(lines[0], &m); err != nil {
		t.Fatalf("%s: %v", lines[0], err)
	}
	return m
}

func expect(t *testing.T, m map[string]any, pairs ...any) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if m[pairs[i].(string)] != pairs[i+1] {
			t.Errorf("%s is %v, want %v", pairs[i], m[pairs[i].(string)], pairs[i+1])
		}
	}
}

func v5packet() []byte {
	up := uint32(1000) // the device's clock turned over a moment ago
	first := up - 61_000
	b := words(uint16(5), uint16(1), up, uint32(now().Unix()), uint32(0), uint32(1), uint8(0), uint8(0), uint16(0x4000|100))
	return append(b, words("203.0.113.9", "192.0.2.80", "0.0.0.0", uint16(1), uint16(2), uint32(12), uint32(3400),
		first, up-1000, uint16(44790), uint16(443), uint8(0), uint8(0x12), uint8(6), uint8(0), uint16(0), uint16(0), uint8(0), uint8(0), uint16(0))...)
}

func TestAFlowOfNetFlow5KeepsItsTimesWhenTheUptimeTurnsOver(t *testing.T) {
	var tally reading.Tally
	m := object(t, newDecoder(&tally).netflow(router, v5packet(), now()), 1)
	expect(t, m, "source_ip", "203.0.113.9", "source_port", 44790.0, "destination_ip", "192.0.2.80", "destination_port", 443.0,
		"proto", "tcp", "bytes", 3400.0, "packets", 12.0, "flags", 18.0, "exporter", "192.0.2.254", "sampling", 100.0,
		"start", "2026-11-25T09:28:59.000Z", "end", "2026-11-25T09:29:59.000Z")
}

// template describes a flow through a translation.
func template(id uint16) []byte {
	return words(id, uint16(8), uint16(8), uint16(4), uint16(7), uint16(2), uint16(12), uint16(4), uint16(11), uint16(2), uint16(4), uint16(1),
		uint16(225), uint16(4), uint16(227), uint16(2), uint16(22), uint16(4))
}

func flow() []byte {
	return words("192.0.2.10", uint16(51000), "198.51.100.5", uint16(25), uint8(6), "203.0.113.1", uint16(40001), uint32(2000))
}

func TestFlowsThatComeBeforeTheirTemplateAreReadWhenItComes(t *testing.T) {
	var tally reading.Tally
	d := newDecoder(&tally)
	if out := d.netflow(router, nine(1, 5000, set(300, flow())), now()); len(out) != 0 || d.waiting != 1 {
		t.Fatalf("%s, %d waiting", out, d.waiting)
	}
	d.netflow(netip.MustParseAddr("192.0.2.253"), nine(1, 5000, set(0, template(300))), now()) // of another device
	if d.waiting != 1 {
		t.Fatalf("%d waiting", d.waiting)
	}
	m := object(t, d.netflow(router, nine(1, 9000, set(0, template(300))), now()), 1)
	expect(t, m, "source_ip", "192.0.2.10", "source_port", 51000.0, "nat_source_ip", "203.0.113.1", "nat_source_port", 40001.0,
		"start", "2026-11-25T09:29:57.000Z", "exporter", "192.0.2.254")
	if d.waiting != 0 || tally.Counters(0).Dropped != nil {
		t.Errorf("%d waiting, %+v", d.waiting, tally.Counters(0))
	}
}

func TestIPFIXOptionsTellTheSampling(t *testing.T) {
	var tally reading.Tally
	d := newDecoder(&tally)
	options := set(3, words(uint16(400), uint16(2), uint16(1), uint16(149), uint16(4), uint16(305), uint16(4)))
	d.netflow(router, ten(options, set(400, words(uint32(7), uint32(512)))), now())
	tmpl := words(uint16(300), uint16(5), uint16(27), uint16(16), uint16(28), uint16(16), uint16(4), uint16(1), uint16(1), uint16(8), uint16(152), uint16(8))
	m := object(t, d.netflow(router, ten(set(2, tmpl), set(300, words("2001:db8::9", "2001:db8::80", uint8(58), uint64(99), uint64(now().UnixMilli())))), now()), 1)
	expect(t, m, "source_ip", "2001:db8::9", "proto", "icmp6", "bytes", 99.0, "sampling", 512.0, "start", "2026-11-25T09:30:00.000Z")
}

func TestWhatNoTemplateExplainsIsBoundedAndCounted(t *testing.T) {
	var tally reading.Tally
	d := newDecoder(&tally)
	for range maxWaiting + 10 {
		d.netflow(router, nine(1, 1, set(301, flow())), now())
	}
	if n := tally.Counters(0).Dropped[LostTemplate]; n != 10 || d.waiting != maxWaiting {
		t.Errorf("%d dropped, %d waiting", n, d.waiting)
	}
}

func TestForgedExportersDoNotKeepARealOneOut(t *testing.T) {
	var tally reading.Tally
	d := newDecoder(&tally)
	for i := range 3 * maxExporters {
		d.netflow(netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}), nine(1, 1, set(301, flow())), now())
	}
	object(t, d.netflow(router, nine(2, 9000, set(0, template(300)), set(300, flow())), now()), 1)
	if n := tally.Counters(0).Dropped[LostTemplate]; len(d.exporters) != maxExporters || int(n)+d.waiting != 3*maxExporters {
		t.Errorf("%d exporters, %d dropped, %d waiting", len(d.exporters), n, d.waiting)
	}
}

func TestATemplateThatWouldDescribeRecordsWithoutEndIsRefused(t *testing.T) {
	var tally reading.Tally
	d := newDecoder(&tally)
	d.netflow(router, ten(set(2, words(uint16(300), uint16(2), uint16(8), uint16(0), uint16(4), uint16(1))), set(300, flow())), now())
	if tally.Counters(0).Dropped[LostRefused] != 1 {
		t.Errorf("%+v", tally.Counters(0))
	}
}

func sflowPacket(kind uint32, count uint32) []byte {
	ip := words(uint8(0x45), uint8(0), uint16(60), uint32(0), uint8(64), uint8(6), uint16(0), "203.0.113.9", "192.0.2.80", uint16(4000), uint16(22), uint32(0), uint32(0), uint8(0x50), uint8(2))
	frame := append(words(make([]byte, 12), uint16(0x8100), uint16(5), uint16(0x0800)), ip...)
	rec := words(uint32(1), uint32(16+len(frame)), uint32(1), uint32(74), uint32(4), uint32(len(frame)), frame)
	head := words(uint32(1), uint32(3), uint32(1000), uint32(0), uint32(0), uint32(1), uint32(2), count)
	if kind == expanded {
		head = words(uint32(1), uint32(0), uint32(3), uint32(1000), uint32(0), uint32(0), uint32(0), uint32(1), uint32(0), uint32(2), count)
	}
	body := append(head, rec...)
	return append(words(uint32(5), uint32(1), "192.0.2.254", uint32(0), uint32(1), uint32(1), uint32(1), kind, uint32(len(body))), body...)
}

func TestASampleOfSFlowIsReadFromThePacketItself(t *testing.T) {
	var tally reading.Tally
	for _, kind := range []uint32{1, expanded} {
		m := object(t, newDecoder(&tally).sflow(router, sflowPacket(kind, 1), now()), 1)
		expect(t, m, "source_ip", "203.0.113.9", "source_port", 4000.0, "destination_port", 22.0, "flags", 2.0, "bytes", 74.0, "sampling", 1000.0)
	}
	if out := newDecoder(&tally).sflow(router, sflowPacket(expanded, 1<<31), now()); len(out) != 0 || tally.Counters(0).Dropped[LostMalformed] != 1 {
		t.Errorf("a claim of two thousand million records: %s %+v", out, tally.Counters(0))
	}
}

func TestTemplatesOutliveTheAgent(t *testing.T) {
	path := t.TempDir() + "/templates.json"
	var tally reading.Tally
	d := newDecoder(&tally)
	options := set(3, words(uint16(400), uint16(2), uint16(1), uint16(149), uint16(4), uint16(305), uint16(4)))
	d.netflow(router, nine(1, 5000, set(0, template(300))), now())
	d.netflow(router, ten(options), now())
	d.save(path, now(), false)
	again := newDecoder(&tally)
	if err := again.load(path); err != nil {
		t.Fatal(err)
	}
	again.netflow(router, ten(set(400, words(uint32(7), uint32(512)))), now())
	m := object(t, again.netflow(router, nine(1, 9000, set(300, flow())), now()), 1)
	expect(t, m, "source_ip", "192.0.2.10", "nat_source_port", 40001.0, "sampling", 512.0)
}

func TestFlowsOverTheNetworkBecomeLines(t *testing.T) {
	s, err := Open(Config{Address: "127.0.0.1:0", Dir: t.TempDir(), Limit: 1 << 20, Now: now}, reading.Position{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c, err := net.Dial("udp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Write(v5packet())
	c.Write([]byte("rumore"))
	var got []string
	for end := time.Now().Add(5 * time.Second); (len(got) == 0 || s.Counters().Dropped[LostMalformed] == 0) && time.Now().Before(end); time.Sleep(time.Millisecond) {
		s.Read(10, func(b []byte) error { got = append(got, string(b)); return nil })
	}
	if len(got) != 1 || !strings.Contains(got[0], `"source_ip":"203.0.113.9"`) || s.Counters().Dropped[LostMalformed] != 1 {
		t.Errorf("%q %+v", got, s.Counters())
	}
}

func FuzzFlows(f *testing.F) {
	f.Add(v5packet(), []byte{})
	f.Add(nine(2, 5000, set(0, template(300)), set(300, flow())), nine(1, 1, set(300, flow())))
	f.Add(ten(set(3, words(uint16(400), uint16(2), uint16(1), uint16(149), uint16(4), uint16(305), uint16(4)))), ten(set(400, words(uint32(7), uint32(512)))))
	f.Add(sflowPacket(1, 1), sflowPacket(expanded, 1))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var tally reading.Tally
		d := newDecoder(&tally)
		for _, p := range [][]byte{a, b, a} {
			for _, line := range append(d.netflow(router, p, now()), d.sflow(router, p, now())...) {
				if !json.Valid(line) {
					t.Fatalf("no JSON: %s", line)
				}
			}
		}
	})
}
