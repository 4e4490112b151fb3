package sigma

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"filo/internal/sigma/sigmatest"
)

// slowly answers an expression without index and automata.
func slowly(e *expr, ev *Event) bool {
	switch e.op {
	case opAtom:
		return slowAtom(e.atom, ev)
	case opAnd:
		return !slices.ContainsFunc(e.kids, func(k *expr) bool { return !slowly(k, ev) })
	case opOr:
		return slices.ContainsFunc(e.kids, func(k *expr) bool { return slowly(k, ev) })
	case opNot:
		return !slowly(e.kids[0], ev)
	}
	n := 0
	for _, k := range e.kids {
		if slowly(k, ev) {
			n++
		}
	}
	return n >= e.n
}

func slowAtom(a *atom, ev *Event) bool {
	there, valued := false, false
	for i := range ev.Fields {
		f := &ev.Fields[i]
		if a.field != "" && a.field != f.Name {
			continue
		}
		there = true
		if f.Kind != Null {
			valued = true
			if a.value(f, foldValue(nil, f)) {
				return true
			}
		}
	}
	switch a.ask {
	case askExists:
		return there == a.exists
	case askNull:
		return !valued
	}
	return false
}

func TestTheIndexFindsWhatALookAtEveryRuleFinds(t *testing.T) {
	g := rand.New(rand.NewPCG(3, 9))
	letters := []string{"a", "b", "ab", "B", "é", "É", "-", "\\", "c d"}
	word := func(n int) string {
		var b strings.Builder
		for range 1 + g.IntN(n) {
			b.WriteString(letters[g.IntN(len(letters))])
		}
		return b.String()
	}
	mods := []string{"", "|contains", "|startswith", "|endswith", "|cased", "|contains|all", "|neq", "|contains|windash", "|re", "|exists"}
	var texts []string
	for i := range 300 {
		var b strings.Builder
		fmt.Fprintf(&b, "title: r%d\nid: r%d\nauthor: a\nlogsource: {product: prova}\ndetection:\n", i, i)
		for s := range 3 {
			mod := mods[g.IntN(len(mods))]
			v := fmt.Sprintf("['%s', '%s*%s', '?%s']", word(3), word(2), word(2), word(2))
			switch mod {
			case "|exists":
				v = "true"
			case "|re":
				v = "'a+b?é'"
			}
			fmt.Fprintf(&b, "  s%d: {'%s%s': %s}\n", s, []string{"A", "B", "C", ""}[g.IntN(4-map[bool]int{true: 1}[mod == "|exists"])], mod, v)
		}
		b.WriteString("  condition: " + []string{"s0 and not s1", "1 of s*", "2 of s*", "all of s*", "s0 or s1 and s2"}[g.IntN(5)])
		texts = append(texts, b.String())
	}
	e := engine(t, Options{}, texts...)
	m := e.NewMatcher()
	hits := 0
	for range 500 {
		ev := event()
		for range g.IntN(4) {
			ev.Add([]string{"A", "B", "C", "D"}[g.IntN(4)], []byte(word(8)))
		}
		var want []string
		for _, b := range e.buckets {
			for i, x := range b.exprs {
				if slowly(x, ev) {
					want = append(want, b.rules[i].ID)
				}
			}
		}
		var got []string
		for _, r := range m.Match(ev, nil) {
			got = append(got, r.ID)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%+v\ngot  %v\nwant %v", ev.Fields, got, want)
		}
		hits += len(got)
	}
	if hits < 1000 {
		t.Errorf("only %d matches: the test says little", hits)
	}
}

func TestTheAutomatonFindsEveryTextOfManyBytes(t *testing.T) {
	g := rand.New(rand.NewPCG(5, 5))
	for range 30 {
		span := []int{2, 3, 90, 250}[g.IntN(4)] // how many different bytes
		text := func(n int) []byte {
			b := make([]byte, 1+g.IntN(n))
			for i := range b {
				b[i] = byte(g.IntN(span))
			}
			return b
		}
		var pats []pattern
		for i := range 200 {
			pats = append(pats, pattern{text: text(6), start: g.IntN(4) == 0, end: g.IntN(4) == 0, bit: int32(i)})
		}
		f := newFinder(pats)
		if f.inside.nfull = 3; g.IntN(2) == 0 {
			f.inside.nfull = 0 // states without a row of their own
		}
		for range 50 {
			v := text(300)
			set := make([]uint64, 4)
			fresh := f.scan(v, set, nil)
			for _, p := range pats {
				want := placedAt(v, p.text, p.start, p.end)
				if got := set[p.bit>>6]>>(p.bit&63)&1 == 1; got != want || want != slices.Contains(fresh, p.bit) {
					t.Fatalf("%q in %q: %v, want %v", p.text, v, got, want)
				}
			}
		}
	}
}

func TestSkippingMissesNoText(t *testing.T) {
	g := rand.New(rand.NewPCG(8, 8))
	text := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = "abcd"[g.IntN(4)]
		}
		return b
	}
	for range 200 {
		var pats []pattern
		for i := range 1 + g.IntN(5) {
			pats = append(pats, pattern{text: text(5 + g.IntN(8)), bit: int32(i)})
		}
		s := newSkipper(pats)
		for range 50 {
			v := text(g.IntN(60))
			for _, p := range pats {
				if bytes.Contains(v, p.text) && !s.may(v) {
					t.Fatalf("%q in %q was skipped", p.text, v)
				}
			}
		}
	}
}

func TestMatchingCostsNoMemoryOfItsOwn(t *testing.T) {
	e := engine(t, Options{}, ruleText(`{A|contains: uno, B|endswith: [due, tre]}`), strings.Replace(ruleText(`{A|re: 'x+uno'}`), "r1", "r2", 1))
	m := e.NewMatcher()
	ev := event("A", "ecco uno", "B", "e due", "C", "altro")
	out := make([]*Rule, 0, 4)
	if n := testing.AllocsPerRun(100, func() { out = m.Match(ev, out[:0]) }); n != 0 || len(out) != 1 {
		t.Errorf("%v allocations, %d matches", n, len(out))
	}
}

func TestSeveralGoroutinesMayShareAnEngine(t *testing.T) {
	e := engine(t, Options{}, ruleText(`{A|contains: uno}`))
	done := make(chan int)
	for range 4 {
		go func() {
			m, n := e.NewMatcher(), 0
			for i := range 500 {
				ev := event("A", fmt.Sprint("uno ", i))
				ev.Source.Service = fmt.Sprint(i % 9)
				n += len(m.Match(ev, nil))
			}
			done <- n
		}()
	}
	for range 4 {
		if n := <-done; n != 500 {
			t.Errorf("%d matches", n)
		}
	}
}

func TestALongValueTakesTimeInProportion(t *testing.T) {
	long := bytes.Repeat([]byte("ab "), 1<<20)
	ev := event()
	ev.Add("A", long)
	sees(t, `{A|contains: ['ab ab', 'b a*c?d*e']}`, ev)
	sees(t, `{A: '*a?b*c*d*e*f'}`, nil, ev)
}

func BenchmarkMatch(b *testing.B) {
	e := engine(b, Options{}, benchRules()...)
	router, err := NewRouter()
	if err != nil {
		b.Fatal(err)
	}
	lines := sigmatest.Events(2000, 7)
	events := make([]*Event, len(lines))
	d := NewDecoder()
	for i, l := range lines {
		events[i] = &Event{}
		if err := d.ParseJSON(l, events[i]); err != nil {
			b.Fatal(err)
		}
		router.Route(events[i])
	}
	m := e.NewMatcher()
	var out []*Rule
	b.Run("routed", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			out = m.Match(events[i%len(events)], out[:0])
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	})
	b.Run("json", func(b *testing.B) {
		b.ReportAllocs()
		var ev Event
		for i := 0; b.Loop(); i++ {
			if err := d.ParseJSON(lines[i%len(lines)], &ev); err != nil {
				b.Fatal(err)
			}
			router.Route(&ev)
			out = m.Match(&ev, out[:0])
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	})
}

// benchRules makes rules of the usual shapes.
func benchRules() []string {
	g := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		b := make([]byte, 5+g.IntN(9))
		for i := range b {
			b[i] = byte('a' + g.IntN(26))
		}
		return string(b)
	}
	fields := []string{"Image", "CommandLine", "ParentImage", "TargetObject", "TargetFilename", "ImageLoaded", "ScriptBlockText"}
	categories := []string{"process_creation", "process_creation", "process_creation", "registry_set", "file_event", "image_load", "ps_script"}
	var out []string
	for i := range 1500 {
		k := g.IntN(len(fields))
		out = append(out, fmt.Sprintf("title: b%d\nid: b%d\nauthor: a\nlogsource: {product: windows, category: %s}\ndetection:\n  s: {%s|endswith: ['\\%s.exe', '\\%s.exe']}\n  c: {%s|contains|all: ['%s', ' -%s ']}\n  f: {User|contains: '%s'}\n  condition: s and c and not f",
			i, i, categories[k], fields[k], word(), word(), fields[k], word(), word(), word()))
	}
	return out
}
