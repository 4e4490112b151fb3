package logline

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

func reader() *Reader { return &Reader{Zone: time.UTC, Now: func() time.Time { return now }} }

// says puts an event into one line of words.
func says(e Event) string {
	var w []string
	add := func(key string, v any) {
		if s := fmt.Sprint(v); s != "" && s != "0" && s != "invalid IP" {
			w = append(w, key+s)
		}
	}
	place := func(a fmt.Stringer, p int) string {
		if p > 0 {
			return fmt.Sprintf("%s#%d", a, p)
		}
		return a.String()
	}
	add("", strings.TrimSuffix(e.Action+" "+e.Outcome, " "))
	add("user=", string(e.User))
	add("domain=", string(e.UserDomain))
	if e.Source.IsValid() {
		add("from=", place(e.Source, e.SrcPort))
	}
	if e.Dest.IsValid() {
		add("to=", place(e.Dest, e.DestPort))
	}
	add("name=", string(e.Name))
	add("path=", string(e.Path))
	add("status=", e.Status)
	add("threat=", string(e.Threat))
	add("level=", e.Level)
	if e.Repeat > 1 {
		add("times=", e.Repeat)
	}
	add("on=", string(e.Device))
	add("zone=", e.Zone)
	return strings.Join(w, " ")
}

// sample is a line of a product, with the lines before it that it needs, and
// what the last one says.
type sample struct {
	product string
	lines   []string
	says    string
}

func samples() []sample {
	return slices.Concat(accessSamples, mailSamples, webSamples, databaseSamples, dnsSamples, vpnSamples, firewallSamples,
		windowsSamples, applianceSamples, endpointSamples, moreSamples)
}

func (s sample) read(r *Reader) (e Event, ok bool) {
	for _, l := range s.lines {
		e, ok = r.Read([]byte(l))
	}
	return e, ok
}

func TestEachProductSaysWhoDidWhatFromWhereWithWhatOutcome(t *testing.T) {
	for _, s := range samples() {
		e, ok := s.read(reader())
		if !ok || e.Product != s.product || says(e) != s.says {
			t.Errorf("%s\n got %s: %s\nwant %s: %s", s.lines[len(s.lines)-1], e.Product, says(e), s.product, s.says)
		}
	}
}

func TestOneReaderTellsTheProductsApartLineByLine(t *testing.T) {
	r := reader()
	for _, s := range samples() {
		if e, ok := s.read(r); !ok || e.Product != s.product {
			t.Errorf("%s\nin a mixed log reads as %s, want %s", s.lines[len(s.lines)-1], e.Product, s.product)
		}
	}
}

func TestEveryListedProductKeepsItsPromises(t *testing.T) {
	got := map[string]Yields{}
	for _, s := range samples() {
		e, _ := s.read(reader())
		y := got[s.product]
		y.Zone = y.Zone || e.Zone == ZoneLine || e.Zone == ZoneProduct
		y.Source = y.Source || e.Source.IsValid()
		y.Port = y.Port || e.SrcPort > 0
		y.Dest = y.Dest || e.Dest.IsValid()
		y.User = y.User || len(e.User) > 0
		y.Outcome = y.Outcome || e.Outcome != ""
		got[s.product] = y
	}
	listed := map[string]bool{}
	for _, p := range Products {
		if listed[p.ID] {
			t.Errorf("%s is listed twice", p.ID)
		}
		listed[p.ID] = true
		have, ok := got[p.ID]
		if !ok {
			t.Errorf("%s has no line in the tables", p.ID)
		} else if have != p.Yields {
			t.Errorf("%s is said to give %q, its lines give %q", p.ID, p.Yields, have)
		}
		if !slices.Contains(Families, p.Family) || p.Name == "" || p.Forms == "" {
			t.Errorf("%s is listed without name, family or forms", p.ID)
		}
	}
	for id := range got {
		if !listed[id] {
			t.Errorf("%s has lines but is not listed", id)
		}
	}
}

func TestTheTimeOfEachSampleIsItsOwn(t *testing.T) {
	for _, s := range samples() {
		e, _ := s.read(&Reader{Zone: time.FixedZone("", 3600), Now: func() time.Time { return now }})
		if d := now.Sub(e.Time).Abs(); d > 75*time.Minute {
			t.Errorf("%s\nreads as %s", s.lines[len(s.lines)-1], e.Time)
		}
	}
}

func TestReadingTheMostFrequentLinesMakesNoGarbage(t *testing.T) {
	for _, s := range samples() {
		switch s.product {
		case "sshd", "web", "fortigate", "netfilter", "dovecot", "windows", "suricata":
		default:
			continue
		}
		r := reader()
		s.read(r)
		line := []byte(s.lines[len(s.lines)-1])
		if n := testing.AllocsPerRun(50, func() { r.Parse(line) }); n > 0 {
			t.Errorf("%s\nallocates %.0f times", line, n)
		}
	}
}
