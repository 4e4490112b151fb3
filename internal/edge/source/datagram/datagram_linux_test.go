package datagram

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"filo/internal/edge/source/reading"
)

func TestEveryDatagramIsGivenOrCountedAsLost(t *testing.T) {
	pc, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	enlarge(pc, 64<<10)
	c, err := net.Dial("udp", pc.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const sent = 2000
	b := make([]byte, 1000)
	for range sent { // nobody reads yet
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	var tally reading.Tally
	given := make(chan struct{}, sent+1)
	go Serve(pc, &tally, func(netip.AddrPort, []byte) { given <- struct{}{} })
	got := 0
	quiet := func() {
		for {
			select {
			case <-given:
				got++
			case <-time.After(200 * time.Millisecond):
				return
			}
		}
	}
	quiet()
	if _, err := c.Write(b); err != nil { // the count comes with the next one
		t.Fatal(err)
	}
	quiet()
	pc.Close()
	lost := int(tally.Counters(0).Dropped[Lost])
	if lost == 0 || got+lost != sent+1 {
		t.Errorf("%d given and %d lost of %d", got, lost, sent+1)
	}
}
