package sigma

import (
	"fmt"
	"strings"
	"testing"
)

// event makes an event of names and values: texts, ints, bools, nil.
func event(kv ...any) *Event {
	ev := &Event{Source: Logsource{Product: "prova"}}
	for i := 0; i < len(kv); i += 2 {
		f := Field{Name: kv[i].(string), Kind: Text}
		switch v := kv[i+1].(type) {
		case nil:
			f.Kind = Null
		case string:
			f.Value = []byte(v)
		case bool:
			f.Kind, f.Value = Bool, fmt.Append(nil, v)
		default:
			f.Kind, f.Value = Number, fmt.Append(nil, v)
		}
		ev.Fields = append(ev.Fields, f)
	}
	return ev
}

// ruleText makes a rule of a detection written in one line or several.
func ruleText(detection string) string {
	detection = strings.TrimSpace(detection)
	if !strings.Contains(detection, "condition:") {
		detection = "s: " + detection + "\ncondition: s"
	}
	return "title: Prova\nid: r1\nauthor: chi scrive\nlogsource: {product: prova}\ndetection:\n  " + strings.ReplaceAll(detection, "\n", "\n  ") + "\n"
}

func read(t testing.TB, texts ...string) []*Rule {
	t.Helper()
	rules, problems := ReadRules(strings.NewReader(strings.Join(texts, "\n---\n")), "prova.yml", "DRL-1.1")
	for _, p := range problems {
		t.Fatalf("line %d: %s", p.Line, p.What)
	}
	return rules
}

func engine(t testing.TB, o Options, texts ...string) *Engine {
	t.Helper()
	e, problems := Compile(read(t, texts...), o)
	for _, p := range problems {
		t.Fatalf("%s: %s", p.Rule, p.What)
	}
	return e
}

// sees asks a rule about events, and wants yes for those before the nil.
func sees(t *testing.T, detection string, events ...*Event) {
	t.Helper()
	seesWith(t, Options{}, detection, events...)
}

func seesWith(t *testing.T, o Options, detection string, events ...*Event) {
	t.Helper()
	m := engine(t, o, ruleText(detection)).NewMatcher()
	want := true
	for _, ev := range events {
		if ev == nil {
			want = false
			continue
		}
		if got := len(m.Match(ev, nil)) == 1; got != want {
			var b strings.Builder
			for _, f := range ev.Fields {
				fmt.Fprintf(&b, " %s=%q", f.Name, f.Value)
			}
			t.Errorf("%s\non%s: %v, want %v", detection, b.String(), got, want)
		}
	}
}

func TestLettersCountAlikeInBothCasesUnlessTheRuleSaysCased(t *testing.T) {
	sees(t, `{A: 'Città'}`, event("A", "CITTÀ"), event("A", "città"), nil, event("A", "citta"), event("A", "la città"), event("a", "Città"))
	sees(t, `{A|contains: 'Kilo'}`, event("A", "x \u212aILO"), event("A", "chilo kilo"))
	sees(t, `{A|cased: 'Città'}`, event("A", "Città"), nil, event("A", "CITTÀ"))
	sees(t, `{A|contains|cased: 'tT'}`, event("A", "ciTTtTà"), nil, event("A", "città"))
	sees(t, `{A|re: 'c.t'}`, event("A", "x cat"), nil, event("A", "CAT"))
}

func TestAStarIsAnyTextAQuestionMarkOneLetterAndABackslashTakesThatAway(t *testing.T) {
	sees(t, `{A: 'a*c'}`, event("A", "ac"), event("A", "abbbc"), event("A", "ABC"), nil, event("A", "abcd"), event("A", "xabc"))
	sees(t, `{A: 'a?c'}`, event("A", "abc"), event("A", "aèc"), nil, event("A", "ac"), event("A", "abbc"))
	sees(t, `{A: '*a\*c*'}`, event("A", "xa*cx"), nil, event("A", "abc"))
	sees(t, `{A: 'a\?'}`, event("A", "a?"), nil, event("A", "ab"))
	sees(t, `{A: 'a\\*'}`, event("A", `a\b`), event("A", `a\`), nil, event("A", "a*"), event("A", "ab"))
	sees(t, `{A: 'a\\\*'}`, event("A", `a\*`), nil, event("A", `a\b`))
	sees(t, `{A|endswith: '\cmd.exe'}`, event("A", `C:\cmd.exe`), nil, event("A", "cmd.exe"))
	sees(t, `{A: 'C:\\x'}`, event("A", `C:\x`), nil, event("A", `C:\\x`))
	sees(t, `{A: '*'}`, event("A", ""), event("A", "x"), nil, event("B", "x"), event("A", nil))
	sees(t, `{A|contains: 'a*b?c'}`, event("A", "xxaxxbxcxx"), event("A", "abxc"), nil, event("A", "axxbc"))
	sees(t, `{A: 'ab*ab'}`, event("A", "abab"), event("A", "abxab"), nil, event("A", "ab"))
	sees(t, `{A|startswith: 'a?'}`, event("A", "abc"), nil, event("A", "a"), event("A", "xab"))
	sees(t, `{A|endswith: '?z'}`, event("A", "zz z"), nil, event("A", "z"), event("A", "azx"))
}

func TestNullEmptyAndMissingAreThreeThings(t *testing.T) {
	missing, null, empty, full := event("B", "x"), event("A", nil), event("A", ""), event("A", "x")
	sees(t, `{A: null}`, missing, null, nil, empty, full)
	sees(t, `{A: ''}`, empty, nil, missing, null, full)
	sees(t, `{A|exists: true}`, null, empty, full, nil, missing)
	sees(t, `{A|exists: false}`, missing, nil, null, empty, full)
	sees(t, `{A: [null, '']}`, missing, null, empty, nil, full)
	sees(t, "s: {B: x}\nf: {A: null}\ncondition: s and not f", event("B", "x", "A", "y"), nil, missing)
}

func TestAWordWithoutAFieldIsLookedForInEveryField(t *testing.T) {
	sees(t, `[mimi, 'event::clear']`, event("Zeta", "xx MIMIkatz"), event("A", "1", "Un nome", "event::clear"), nil, event("mimi", "x"))
	sees(t, `{'|all': [uno, due]}`, event("A", "uno", "B", "due"), event("A", "due uno"), nil, event("A", "uno"))
	sees(t, `['a*d']`, event("X", "zabcdz"), nil, event("X", "da"))
	sees(t, `{'|re': 'x[0-9]+'}`, event("X", "ax12"), nil, event("X", "x"))
	sees(t, `parola`, event("X", "la Parola data"), nil, event("X", "parol"))
}

func TestNumbersMeetTheirTexts(t *testing.T) {
	sees(t, `{A: 4688}`, event("A", 4688), event("A", "4688"), event("A", 4688.0), nil, event("A", 46880), event("A", "x4688"))
	exact := event("A", 4688, "B", 1)
	exact.Fields[0].Value = []byte("4.688e3")
	sees(t, `{A: 4688}`, exact)
	sees(t, `{A: '4688'}`, event("A", 4688), nil, event("A", 4689))
	sees(t, `{A: 0x1F}`, event("A", "0x1f"), event("A", 31), nil, event("A", 15))
	sees(t, `{A: 1.5}`, event("A", 1.5), event("A", "1.5"), nil, event("A", 15))
	sees(t, `{A: true}`, event("A", true), event("A", "True"), nil, event("A", false))
	sees(t, `{A|gt: 10}`, event("A", 11), event("A", "10.5"), nil, event("A", 10), event("A", "molti"), event("B", 11), event("A", nil))
	sees(t, `{A|gte: 10}`, event("A", 10), nil, event("A", 9))
	sees(t, `{A|lt: -1}`, event("A", -2), nil, event("A", -1))
	sees(t, `{A|lte: 1e3}`, event("A", 1000), nil, event("A", 1001))
	sees(t, `{A|neq: 5}`, event("A", 6), event("A", "x"), nil, event("A", 5), event("A", "5"))
	sees(t, `{A|neq: [a, b]}`, event("A", "c"), event("B", "a"), nil, event("A", "B"))
}

func TestAListIsAChoiceUnlessTheRuleSaysAll(t *testing.T) {
	sees(t, `{A|contains: [uno, due]}`, event("A", "uno"), event("A", "x due"), nil, event("A", "tre"))
	sees(t, `{A|contains|all: [uno, due]}`, event("A", "due e uno"), event("A", "uno", "A", "due"), nil, event("A", "uno"))
	sees(t, `{A: x, B: y}`, event("A", "x", "B", "y"), nil, event("A", "x"), event("B", "y"))
	sees(t, `[{A: x}, {B: y, C: z}]`, event("A", "x"), event("B", "y", "C", "z"), nil, event("B", "y"))
	sees(t, `{A: due}`, event("A", "uno", "A", "due"), nil, event("A", "uno", "A", "tre"))
}

func TestAnyOfTheFiveDashesBeginsAnOption(t *testing.T) {
	for _, d := range []string{"-", "/", "–", "—", "―"} {
		sees(t, `{A|contains|windash: ' -enc '}`, event("A", "x "+d+"ENC y"), nil, event("A", "x enc"))
		sees(t, `{A|contains|windash|all: [' -a', ' /b']}`, event("A", "x "+d+"a "+d+"b"), nil, event("A", " -a"))
		sees(t, `{A|contains|windash: '-a-b-c-d-e-f'}`, event("A", "-a/b"+d+"c-d–e—f"), nil, event("A", "-a-b-c-d-e"))
	}
}

func TestEncodedTextIsFoundWhereverItBegins(t *testing.T) {
	sees(t, `{A|base64: ciao}`, event("A", "Y2lhbw=="), nil, event("A", "Y2lhbw"))
	// "xciao mondo", "xxciao mondo" and "ciao mondo" in base64.
	for _, s := range []string{"eGNpYW8gbW9uZG8=", "eHhjaWFvIG1vbmRv", "Y2lhbyBtb25kbw=="} {
		sees(t, `{A|base64offset|contains: 'ciao mondo'}`, event("A", "zz"+s), nil, event("A", "Y2lh"))
	}
	sees(t, `{A|wide|base64offset|contains: 'ciao'}`, event("A", "YwBpAGEAbwA="), event("A", "eABjAGkAYQBvAA=="))
	sees(t, `{A|utf16le|contains: 'ab'}`, event("A", "xa\x00b\x00"), nil, event("A", "ab"))
	sees(t, `{A|utf16be|contains: 'ab'}`, event("A", "\x00a\x00bx"), nil, event("A", "ab"))
	sees(t, `{A|utf16|base64: 'ab'}`, event("A", "//5hAGIA"), nil, event("A", "YQBiAA=="))
}

func TestARegularExpressionIsMetAnywhereAndTakesItsFlags(t *testing.T) {
	sees(t, `{A|re: '^a.+z$'}`, event("A", "abz"), nil, event("A", "xabz"), event("A", "ABZ"))
	sees(t, `{A|re|i: 'ABC|def'}`, event("A", "xabcx"), event("A", "DEF"), nil, event("A", "ab"))
	sees(t, `{A|re|m: '^due$'}`, event("A", "uno\ndue"), nil, event("A", "uno due"))
	sees(t, `{A|re|s: 'uno.due'}`, event("A", "uno\ndue"), nil, event("A", "unodue"))
	sees(t, `{A|re: '(?i)parola[0-9]{2}'}`, event("A", "PAROLA77"), nil, event("A", "parola7"))
}

func TestNetworksHoldTheirAddresses(t *testing.T) {
	sees(t, `{A|cidr: 192.0.2.0/24}`, event("A", "192.0.2.77"), event("A", "::ffff:192.0.2.1"), nil, event("A", "192.0.3.1"), event("A", "pc"), event("A", "192.0.2.1.5"))
	sees(t, `{A|cidr: ['2001:db8::/32', 198.51.100.7]}`, event("A", "2001:DB8::1"), event("A", "198.51.100.7"), nil, event("A", "2001:db9::1"), event("A", "198.51.100.8"))
}

func TestAFieldIsComparedWithAnotherOfTheSameEvent(t *testing.T) {
	sees(t, `{A|fieldref: B}`, event("A", "Uno", "B", "UNO"), nil, event("A", "uno", "B", "due"), event("A", "uno"), event("B", "uno"))
	sees(t, `{A|fieldref|startswith: B}`, event("A", "unodue", "B", "uno"), nil, event("A", "dueuno", "B", "uno"))
	sees(t, `{A|fieldref|endswith: B}`, event("A", "unodue", "B", "due"), nil, event("A", "due uno", "B", "due"))
	sees(t, `{A|fieldref|contains: B}`, event("A", "xunox", "B", "uno"), nil, event("A", "un", "B", "uno"))
	sees(t, `{A|fieldref|neq: B}`, event("A", "uno", "B", "due"), nil, event("A", "uno", "B", "uno"))
}

func TestThePartsOfADateAreReadAsTheyAreWritten(t *testing.T) {
	at := event("T", "2026-11-25T23:05:09.5+05:00")
	for mod, n := range map[string]int{"minute": 5, "hour": 23, "day": 25, "week": 48, "month": 11, "year": 2026} {
		sees(t, fmt.Sprintf("{T|%s: %d}", mod, n), at, nil, event("T", "2020-01-01 00:00:00"), event("T", "domani"), event("X", "2026-11-25T23:05:09Z"))
	}
	sees(t, "{T|hour|gte: 22}", at, event("T", "2026/11/25 22:00"), nil, event("T", "2026-11-25 21:59:59,123"))
}

func TestAPlaceholderWaitsForTheValuesOfTheSite(t *testing.T) {
	text := ruleText(`{User|expand: '%Amministratori%', Host|contains|expand: 'pc-%Uffici%\%'}`)
	_, problems := Compile(read(t, text), Options{})
	if len(problems) != 1 || !strings.Contains(problems[0].What, "needs a value for placeholder %Amministratori%") {
		t.Fatalf("%+v", problems)
	}
	o := Options{Placeholders: map[string][]string{"Amministratori": {"ced", "adm_*"}, "Uffici": {"anagrafe", "tributi"}}}
	seesWith(t, o, `{User|expand: '%Amministratori%', Host|contains|expand: 'pc-%Uffici%\%'}`,
		event("User", "CED", "Host", "pc-tributi%"), event("User", "adm_1", "Host", "pc-anagrafe%"), nil, event("User", "ced", "Host", "pc-tributi"), event("User", "x", "Host", "pc-tributi%"))
	seesWith(t, o, `{User: '%Amministratori%'}`, event("User", "%Amministratori%"), nil, event("User", "ced"))
}

func TestConditionsBindAsTheLanguageSays(t *testing.T) {
	sels := "s1: {A: 1}\ns2: {B: 1}\nf1: {C: 1}\n_x: {D: 1}\ncondition: "
	ev := func(names string) *Event {
		e := event("Z", 0)
		for _, n := range strings.Split(names, "") {
			e.Add(n, []byte("1"))
		}
		return e
	}
	sees(t, sels+"s1 or s2 and f1", ev("A"), ev("BC"), nil, ev("B"), ev("C"))
	sees(t, sels+"(s1 or s2) and not f1", ev("A"), ev("B"), nil, ev("AC"), ev("D"))
	sees(t, sels+"not s1 and s2", ev("B"), nil, ev("AB"))
	sees(t, sels+"1 of s*", ev("A"), ev("B"), nil, ev("C"))
	sees(t, sels+"all of s*", ev("AB"), nil, ev("A"))
	sees(t, sels+"1 of them", ev("C"), nil, ev("D"))
	sees(t, sels+"all of them", ev("ABC"), nil, ev("ABD"))
	sees(t, sels+"2 of them", ev("AC"), ev("BC"), ev("ABC"), nil, ev("A"), ev("AD"))
	sees(t, sels+"NOT (s1 OR s2) AND 1 of _*", ev("D"), nil, ev("DA"))
	sees(t, sels+"[s1, f1]", ev("A"), ev("C"), nil, ev("B"))
	sees(t, sels+"any of *1 and not not s2", ev("AB"), nil, ev("B"))
}

func TestARefusedConditionSaysWhereAndWhy(t *testing.T) {
	for c, want := range map[string]string{
		"":                                "ends",
		"s and":                           "character 6",
		"(s":                              "not closed",
		"s)":                              `")" is not expected`,
		"s | count() > 5":                 "correlation rule",
		"s*":                              "1 of s*",
		"0 of s*":                         "neither a number",
		"1 of":                            "pattern of names",
		"s1":                              `"s1"`,
		"1 of x*":                         `"x*"`,
		"3 of s*":                         "there are 1",
		"s s":                             "not expected",
		"and":                             "selection should",
		strings.Repeat("not ", 200) + "s": "nested deeper",
		strings.Repeat("(", 200) + "s":    "nested deeper",
	} {
		_, problems := ReadRules(strings.NewReader(ruleText("s: {A: 1}\ncondition: '"+c+"'")), "x.yml", "")
		if len(problems) != 1 || !strings.Contains(problems[0].What, want) {
			t.Errorf("%q: %+v, want %q", c, problems, want)
		}
	}
}

func TestANegationWakesNoRuleAndALiteralDoes(t *testing.T) {
	e := engine(t, Options{}, ruleText("s: {A: uno}\nf: {B|contains: due}\ncondition: s and not f"))
	if s := e.Stats(); s.Always != 0 || s.Literals != 2 {
		t.Errorf("%+v", s)
	}
	m := e.NewMatcher()
	if m.Match(event("B", "due"), nil); m.Looked() != 0 {
		t.Error("the text of the exception woke the rule")
	}
	e = engine(t, Options{}, ruleText("s: {A: uno}\ncondition: not s"))
	if s := e.Stats(); s.Always != 1 {
		t.Errorf("%+v", s)
	}
	if len(e.NewMatcher().Match(event("A", "due"), nil)) != 1 {
		t.Error("a rule that is all negation must look at every event")
	}
}
