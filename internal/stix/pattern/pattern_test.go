package pattern

import (
	"fmt"
	"strings"
	"testing"
)

func TestThePatternsOfTheLanguageAreReadAndOthersRefusedWithTheirPlace(t *testing.T) {
	for _, p := range []string{
		"[ipv4-addr:value = '203.0.113.9']",
		"[file:hashes.'SHA-256' IN ('" + strings.Repeat("a", 64) + "')] FOLLOWEDBY [process:name LIKE 'cmd%'] WITHIN 30.5 SECONDS",
		"([a:b = 1] AND [c:d NOT ISSUBSET '198.51.100.0/24']) REPEATS 3 TIMES START t'2026-01-01T00:00:00Z' STOP t'2026-01-02T00:00:00.5Z'",
		"[a:b[*].c_ref.'d e'[0] <> -1.5 OR (a:b == true AND EXISTS a:f)] // a comment",
		"[x:y MATCHES 'a\\'b\\\\.c' /* inside */ AND x:z = h'00ff' AND x:w = b'AAE=']",
	} {
		e, err := Parse(p)
		if err == nil {
			err = e.Validate()
		}
		if err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
	for p, place := range map[string]string{
		"": "1:1", "a:b = 1": "1:1", "[a:b = ]": "1:8", "[a:b = 'x": "1:8", "[a:b = 'x'": "1:11",
		"[a:b IN (1, 'x')]": "1:13", "[a:b LIKE null]": "1:11", "[a:b = t'2026-13-01T00:00:00Z']": "1:8",
		"[a:b = 1]\n WITHIN 5 DAYS": "2:11", "[a:b = 1] REPEATS 0 TIMES": "1:19", "[a:b MATCHES '(']": "1:6", "[a:b = 1] WITHIN -1 SECONDS": "1:11",
		"[à:b = 1]": "1:2", strings.Repeat("(", 100) + "[a:b=1]": "1:65",
	} {
		_, err := Parse(p)
		if err == nil || !strings.HasPrefix(err.Error(), place+":") {
			t.Errorf("%q: %v, want an error at %s", p, err, place)
		}
	}
	for _, p := range []string{"[file:hashes.MD5 = 'abc']", "[a:b = 1] WITHIN 1 SECONDS WITHIN 2 SECONDS"} {
		if e, err := Parse(p); err != nil || e.Validate() == nil {
			t.Errorf("%s passes (%v)", p, err)
		}
	}
}

// bundle makes observed data: one host observation per entry, "name age
// second times".
func bundle(rows ...string) string {
	var b strings.Builder
	b.WriteString(`{"type":"bundle","objects":[`)
	for i, r := range rows {
		var name string
		var age, second, times int
		if _, err := fmt.Sscan(r, &name, &age, &second, &times); err != nil {
			panic(err)
		}
		fmt.Fprintf(&b, `{"type":"observed-data","id":"observed-data--%d","number_observed":%d,"first_observed":"2026-11-24T10:00:%02dZ","last_observed":"2026-11-24T10:00:%02dZ","object_refs":["h--%d"]},
			{"type":"h","id":"h--%d","name":%q,"age":%d,"raw_hex":"616263","at":"2026-11-24T10:00:%02dZ","ip":"198.51.100.7","next_ref":"h--0","none":null,"list":[1,{"x":"y"}]},`, i, times, second, second, i, i, name, age, second)
	}
	b.WriteString(`{"type":"identity","id":"identity--1","name":"x"}]}`)
	return b.String()
}

func TestAPatternHoldsWhereItShould(t *testing.T) {
	data := bundle("anna 10 0 1", "bruno 20 5 2", "carla 30 9 1")
	for p, want := range map[string]bool{
		"[h:name = 'anna']": true, "[h:name = 'zoe']": false, "[h:name != 'anna']": true, "[identity:name = 'x']": false,
		"[h:age > 10 AND h:name = 'anna']": false, "[h:age >= 10.0 AND h:name = 'anna']": true, "[h:age IN (1, 30)]": true,
		"[h:name LIKE '_nn%']": true, "[h:name LIKE 'nn']": false, "[h:name MATCHES 'r.n']": true, "[h:name NOT MATCHES '.']": false,
		"[h:ip ISSUBSET '198.51.100.0/24']": true, "[h:ip ISSUPERSET '198.51.100.7/32']": true, "[h:age ISSUBSET '198.51.100.0/24']": false,
		"[h:raw_hex = 'abc']": true, "[h:raw_hex = h'616263']": true, "[h:raw_hex = b'YWJj']": true, "[h:name < h'62']": true,
		"[h:at < t'2026-11-24T10:00:01Z']": true, "[h:next_ref.name = 'anna' AND h:name = 'carla']": true, "[h:list[*].x = 'y']": true, "[h:list[0] = 1]": true,
		"[EXISTS h:list]": true, "[NOT EXISTS h:zzz]": true, "[h:none = 'x']": false, "[h:none != 'x']": true, "[h:age = 'x']": false, "[h:age NOT = 'x']": true,
		"[h:name = 'anna'] AND [h:name = 'bruno']": true, "[h:name = 'anna'] AND [h:name = 'anna']": false, "[h:name = 'bruno'] AND [h:name = 'bruno']": true,
		"[h:name = 'anna'] FOLLOWEDBY [h:name = 'bruno']": true, "[h:name = 'bruno'] FOLLOWEDBY [h:name = 'anna']": false,
		"[h:age > 0] REPEATS 4 TIMES": true, "[h:age > 0] REPEATS 5 TIMES": false, "[h:name = 'bruno'] REPEATS 2 TIMES": true,
		"([h:name = 'anna'] AND [h:name = 'bruno']) WITHIN 5 SECONDS": true, "([h:name = 'anna'] AND [h:name = 'bruno']) WITHIN 4 SECONDS": false,
		"[h:name = 'bruno'] START t'2026-11-24T10:00:05Z' STOP t'2026-11-24T10:00:06Z'": true,
		"[h:name = 'bruno'] START t'2026-11-24T10:00:04Z' STOP t'2026-11-24T10:00:05Z'": false,
		"[h:name = 'zoe'] OR [h:name = 'carla']":                                        true,
	} {
		e, err := Parse(p)
		if err != nil {
			t.Errorf("%s: %v", p, err)
			continue
		}
		obs, err := ReadBundle(strings.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if _, got, err := e.Match(obs); err != nil || got != want {
			t.Errorf("%s: %v (%v), want %v", p, got, err, want)
		}
	}
}

func TestATimeThatIsNoneIsAnErrorAndNotASilentNo(t *testing.T) {
	e, err := Parse("[h:name = t'2026-11-24T10:00:00Z']")
	if err != nil {
		t.Fatal(err)
	}
	obs, err := ReadBundle(strings.NewReader(bundle("anna 1 0 1")))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := e.Match(obs); err == nil {
		t.Error("«anna» was compared as a time")
	}
}

func TestAPatternThatAsksForTooMuchStops(t *testing.T) {
	rows := make([]string, 60)
	for i := range rows {
		rows[i] = fmt.Sprintf("n%d %d %d 1", i, i, i)
	}
	obs, err := ReadBundle(strings.NewReader(bundle(rows...)))
	if err != nil {
		t.Fatal(err)
	}
	e, err := Parse("([h:age >= 0] REPEATS 30 TIMES) WITHIN 1 SECONDS")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok, err := e.Match(obs); ok || err == nil {
		t.Errorf("it gave %v, %v", ok, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, p := range []string{"[a:b = 'c']", "([a:b[*].c IN (1, 2)] FOLLOWEDBY [d:e MATCHES 'x']) WITHIN 5 SECONDS", "[a:b = t'2026-01-01T00:00:00Z' OR NOT EXISTS a:c]", "[a:'b c' = h'00'] REPEATS 2 TIMES"} {
		f.Add(p)
	}
	obs, err := ReadBundle(strings.NewReader(bundle("anna 1 0 1", "bruno 2 1 2")))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, p string) {
		e, err := Parse(p)
		if err != nil {
			return
		}
		_ = e.Validate()
		_, _, _ = e.Match(obs)
	})
}
