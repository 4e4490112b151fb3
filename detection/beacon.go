package detection

import (
	"hash/maphash"
	"math"
	"net/netip"

	"filo/internal/logline"
)

// A program that waits for orders calls home at regular times. A beacon is a
// machine inside that connects to the same place outside many times, with nearly
// the same pause, while hardly anybody else inside talks to that place: updates
// and clocks are regular too, but common.
const (
	beaconCalls  = 24 // pauses that must be regular
	beaconShort  = 20.0
	beaconLong   = 4 * 3600.0
	beaconJitter = 0.12 // standard deviation of the pauses over their mean
	beaconSlots  = 1 << 13
	beaconOthers = 2 // machines inside that may talk to the place as well
)

// caller is one machine inside and the place it talks to. Pauses are in seconds;
// mean and spread are kept as Welford does.
type caller struct {
	who     uint64
	last    int64
	n       int
	mean    float64
	squares float64
}

// place counts, roughly, who inside talks to it: a bit for each of 64 parts of
// the machines.
type place struct {
	which uint64
	from  uint64
}

// beacons are two tables of fixed size. Whoever finds a place taken by another
// takes it over: under a flood a slow caller may be missed, and memory stays.
type beacons struct {
	callers []caller
	places  []place
}

func newBeacons() *beacons {
	return &beacons{callers: make([]caller, beaconSlots), places: make([]place, beaconSlots)}
}

func hashAddr(a netip.Addr, more int) uint64 {
	b := a.As16()
	var h maphash.Hash
	h.SetSeed(hashSeed)
	h.Write(b[:])
	h.WriteByte(byte(more))
	h.WriteByte(byte(more >> 8))
	return h.Sum64()
}

// call notes a connection that was let out and reports whether it is one of a
// regular series.
func (b *beacons) call(e *logline.Event) bool {
	to, from := hashAddr(e.Dest, e.DestPort), hashAddr(e.Source, 0)
	p := &b.places[to%beaconSlots]
	if p.which != to {
		*p = place{which: to}
	}
	p.from |= 1 << (from & 63)
	who := to*31 ^ from
	c := &b.callers[who%beaconSlots]
	at := e.Time.Unix()
	if c.who != who {
		*c = caller{who: who, last: at}
		return false
	}
	pause := float64(at - c.last)
	if pause < 2 { // several connections of one call
		return false
	}
	c.last = at
	if pause > 2*beaconLong {
		*c = caller{who: who, last: at}
		return false
	}
	c.n++
	d := pause - c.mean
	c.mean += d / float64(c.n)
	c.squares += d * (pause - c.mean)
	if c.n < beaconCalls || c.mean < beaconShort || c.mean > beaconLong || ones(p.from) > beaconOthers {
		return false
	}
	return math.Sqrt(c.squares/float64(c.n)) <= beaconJitter*c.mean
}

func ones(x uint64) int {
	n := 0
	for ; x != 0; x &= x - 1 {
		n++
	}
	return n
}
