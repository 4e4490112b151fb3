package sigma

import (
	"slices"
	"strings"
	"testing"
)

const whole = `title: Prova di lettura
id: 11111111-2222-3333-4444-555555555555
name: lettura
status: test
level: high
description: Che cosa cerca.
author: Ufficio di prova, Altro ufficio
references:
    - https://prova.example/uno
date: 2026-01-02
modified: 2026-02-03
tags:
    - attack.execution
    - attack.t1059.001
falsepositives:
    - Chi amministra
fields: [Image]
logsource:
    product: windows
    category: process_creation
    definition: serve il registro dei processi
detection:
    selection:
        Image|endswith: '\prova.exe'
    condition: selection
`

func TestARuleKeepsItsAuthorItsLicenceAndAllItSaysOfItself(t *testing.T) {
	r := read(t, whole)[0]
	if r.Author != "Ufficio di prova, Altro ufficio" || r.License != "DRL-1.1" || r.ID[:4] != "1111" || r.Title != "Prova di lettura" || r.Name != "lettura" ||
		r.Status != "test" || r.Level != "high" || r.Date != "2026-01-02" || r.Modified != "2026-02-03" || len(r.References) != 1 || len(r.FalsePositives) != 1 ||
		!slices.Equal(r.Techniques(), []string{"T1059.001"}) || r.Logsource != (Logsource{"windows", "process_creation", ""}) || r.Definition == "" || r.File != "prova.yml" {
		t.Errorf("%+v", r)
	}
	if asks := read(t, ruleText("s: [{B|contains: x, A: 1}, {C: 2}]\nf: {B: 1}\nk: [y]\ncondition: s and k and not f"))[0].Asks(); !slices.Equal(asks, []string{"A", "B", "C"}) {
		t.Errorf("asks %v", asks)
	}
	r = read(t, "license: CC0-1.0\n"+whole)[0]
	if r.License != "CC0-1.0" {
		t.Errorf("its own licence became %s", r.License)
	}
	if _, problems := ReadRules(strings.NewReader(strings.Replace(whole, "author:", "x:", 1)), "a.yml", "DRL-1.1"); len(problems) != 1 || !strings.Contains(problems[0].What, "author") {
		t.Errorf("a rule whose licence wants an author has none: %+v", problems)
	}
	e := engine(t, Options{}, whole)
	ev := &Event{Source: Logsource{"windows", "process_creation", "sysmon"}}
	ev.Add("Image", []byte(`C:\prova.exe`))
	for _, hit := range e.NewMatcher().Match(ev, nil) {
		if hit.Author == "" {
			t.Error("a match without the author of its rule")
		}
	}
}

func TestADamagedRuleDoesNotStopTheOthersAndSaysItsLine(t *testing.T) {
	good := strings.TrimSpace(ruleText(`{A: 1}`))
	text := strings.Join([]string{
		good, "title: rotta\n  x: [", strings.Replace(good, "r1", "r2", 1), "title: senza\nid: r3", "- lista",
		"title: t\nauthor: a\nlogsource: {product: a}\ndetection:\n  s:\n    A|boh: 1\n  condition: s", strings.Replace(good, "r1", "r4", 1), "null", "",
	}, "\n---\n")
	rules, problems := ReadRules(strings.NewReader(text), "misto.yml", "")
	var ids []string
	for _, r := range rules {
		ids = append(ids, r.ID)
	}
	if !slices.Equal(ids, []string{"r1", "r2", "r4"}) || len(problems) != 4 {
		t.Fatalf("%v %+v", ids, problems)
	}
	last := problems[3]
	lines := strings.Split(text, "\n")
	if !strings.Contains(last.What, `"boh"`) || !strings.Contains(lines[last.Line-1], "A|boh") || last.File != "misto.yml" || last.Rule != "t" {
		t.Errorf("%+v", last)
	}
	for _, p := range problems {
		if p.Hint == "" || p.Line == 0 {
			t.Errorf("%+v says not where or not what to do", p)
		}
	}
}

func TestOldCollectionsShareWhatTheyHaveInCommon(t *testing.T) {
	rules := read(t, "action: global\ntitle: Comune\nauthor: chi\nlogsource: {product: prova}\ndetection: {condition: s}",
		"id: g1\ndetection: {s: {A: 1}}", "id: g2\nlogsource: {service: x}\ndetection: {s: {A: 2}}", "action: repeat\nid: g3\ndetection: {s: {A: 3}}", "action: reset", strings.Replace(ruleText("{A: 4}"), "r1", "g4", 1))
	var got []string
	for _, r := range rules {
		got = append(got, r.ID+" "+r.Title+" "+r.Logsource.String())
	}
	want := []string{"g1 Comune prova/*/*", "g2 Comune prova/*/x", "g3 Comune prova/*/x", "g4 Prova prova/*/*"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestAliasesThatGrowWithoutEndAreRefused(t *testing.T) {
	bomb := "title: b\na: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c <= 'j'; c++ {
		p := string(c - 1)
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+p+",", 10) + "]\n"
	}
	if rules, problems := ReadRules(strings.NewReader(bomb), "b.yml", ""); len(rules) != 0 || len(problems) != 1 || !strings.Contains(problems[0].What, "too large") {
		t.Errorf("%d rules, %+v", len(rules), problems)
	}
	if _, problems := ReadRules(strings.NewReader(ruleText("{A|windash|base64: '----- ----- -----'}")), "d.yml", ""); len(problems) != 1 || !strings.Contains(problems[0].What, "625") {
		t.Errorf("%+v", problems)
	}
}

func TestARuleWithoutASourceOnThisHostIsCountedAndSaid(t *testing.T) {
	rules := read(t, whole, strings.Replace(whole, "1111", "2222", 1), ruleText("{A: 1}"))
	e, problems := Compile(rules, Options{Sources: []Logsource{{Product: "prova", Service: "x"}}})
	if len(e.Rules()) != 1 || len(problems) != 1 || problems[0].Count != 2 || !strings.Contains(problems[0].What, "windows/process_creation/*") {
		t.Errorf("%d rules, %+v", len(e.Rules()), problems)
	}
}

func TestARuleThatSaysItCannotBeUsedIsNotUsed(t *testing.T) {
	for _, line := range []string{"status: unsupported\n", "taxonomy: ecs\n"} {
		e, problems := Compile(read(t, line+ruleText("{A: 1}")), Options{})
		if len(e.Rules()) != 0 || len(problems) != 1 {
			t.Errorf("%s: %+v", line, problems)
		}
	}
	if e, problems := Compile(read(t, "taxonomy: ecs\n"+ruleText("{A: 1}")), Options{Mapping: &Mapping{}}); len(e.Rules()) != 1 || len(problems) != 0 {
		t.Errorf("with a mapping: %+v", problems)
	}
}

func TestTwoRulesCannotHaveOneIdentifier(t *testing.T) {
	e, problems := Compile(read(t, whole, whole), Options{})
	if len(e.Rules()) != 1 || len(problems) != 1 || !strings.Contains(problems[0].What, "too") {
		t.Errorf("%+v", problems)
	}
}

const filter = `title: Chi amministra
logsource: {product: prova}
filter:
  rules: [r1]
  selection: {User|startswith: 'adm_'}
  condition: selection
`

func TestAFilterTakesItsMatchesAwayFromTheRulesItNames(t *testing.T) {
	other := strings.Replace(ruleText("{A: 1}"), "r1", "r2", 1)
	m := engine(t, Options{}, ruleText("{A: 1}"), other, filter).NewMatcher()
	count := func(ev *Event) int { return len(m.Match(ev, nil)) }
	if a, b, c := count(event("A", 1, "User", "anna")), count(event("A", 1, "User", "adm_anna")), count(event("A", 1)); a != 2 || b != 1 || c != 2 {
		t.Errorf("%d %d %d", a, b, c)
	}
	m = engine(t, Options{}, ruleText("{A: 1}"), other, strings.Replace(filter, "[r1]", "any", 1)).NewMatcher()
	if a, b := count(event("A", 1, "User", "anna")), count(event("A", 1, "User", "adm_anna")); a != 2 || b != 0 {
		t.Errorf("any: %d %d", a, b)
	}
}

func TestAFilterThatWouldSilenceARuleByMistakeIsRefusedAndTheRuleGoesOn(t *testing.T) {
	rules, problems := ReadRules(strings.NewReader(ruleText("{A: 1}")+"---\n"+strings.Replace(filter, "condition: selection", "condition: not selection", 1)), "f.yml", "")
	if len(rules) != 1 || len(problems) != 1 || !strings.Contains(problems[0].What, "leave out") {
		t.Fatalf("%+v", problems)
	}
	for _, change := range [][2]string{{"[r1]", "[r9]"}, {"product: prova", "product: altro"}} {
		rules := read(t, ruleText("{A: 1}"), strings.Replace(filter, change[0], change[1], 1))
		e, problems := Compile(rules, Options{})
		if len(problems) != 1 || len(e.NewMatcher().Match(event("A", 1, "User", "adm_x"), nil)) != 1 {
			t.Errorf("%v: %+v", change, problems)
		}
	}
}

func TestAnExplanationAnswersEverySelection(t *testing.T) {
	e := engine(t, Options{}, ruleText("s: {A|contains: [uno, due]}\nf: {B: null, C|endswith: x}\nk: [parola]\ncondition: (s or k) and not f"))
	m := e.NewMatcher()
	x := m.Explain(event("A", "ecco due", "C", "y"), e.Rules()[0])
	text := x.String()
	for _, want := range []string{"matches: Prova (r1)", "yes s\n", "yes A|contains: uno | due; the event has [\"ecco due\"]", "no  f\n", "yes B: null; the event has no such field", "no  C|endswith: x", "no  k\n", "no  any field: parola"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q lacks in\n%s", want, text)
		}
	}
	if !x.Matches || !x.Sees {
		t.Errorf("%+v", x)
	}
	ev := event("A", "uno")
	ev.Source = Logsource{Product: "altro"}
	if x := m.Explain(ev, e.Rules()[0]); x.Sees || !strings.Contains(x.String(), "the event comes from elsewhere") {
		t.Errorf("%+v", x)
	}
}

func FuzzReadRules(f *testing.F) {
	f.Add(whole)
	f.Add(filter + "---\n" + ruleText("s: {A|contains|windash: [' -a']}\ncondition: 1 of them"))
	f.Add("title: c\nname: x\ncorrelation: {type: value_count, rules: [r1], group-by: [A], timespan: 5m, condition: {field: B, gte: 3}}\n---\n" + ruleText("{A|re|i: 'a(b|c)+'}"))
	f.Add(ruleText("{A|base64offset|contains: 'x', B|cidr: 192.0.2.0/24, C|fieldref: D, E|hour|gte: 3, F|expand: '%x%'}"))
	f.Add("action: global\ntitle: &a x\n---\nid: *a\ndetection: {s: *a}")
	f.Fuzz(func(t *testing.T, text string) {
		rules, _ := ReadRules(strings.NewReader(text), "f.yml", "x")
		e, _ := Compile(rules, Options{Placeholders: map[string][]string{"x": {"a*", "b"}}})
		m, c := e.NewMatcher(), e.NewCorrelator()
		ev := event("A", "abc -a x", "B", "192.0.2.1", "C", nil, "E", "2026-11-25 03:00:00")
		ev.Time = mustTime("2026-11-25T03:00:00Z")
		c.Feed(m.Match(ev, nil), ev, nil)
		for _, r := range e.Rules() {
			_ = m.Explain(ev, r).String()
		}
	})
}

func FuzzCondition(f *testing.F) {
	for _, s := range []string{"a and not (b or 1 of c*)", "2 of them", "all of a*b*c", "not not a", "a | count() > 3", "((("} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := parseCondition(s)
		if (c == nil) == (err == nil) {
			t.Fatalf("%v, %v", c, err)
		}
		matches(s, "abc")
	})
}
