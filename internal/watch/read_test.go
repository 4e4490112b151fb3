package watch

import (
	"slices"
	"strings"
	"testing"
)

func texts(in Indicators) []string {
	var out []string
	for _, e := range in.Entries {
		out = append(out, e.Value.Value)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestFilesOfIndicatorsAreRecognisedByThemselves(t *testing.T) {
	for name, c := range map[string]struct{ file, format, want string }{
		"a list":     {"# cattivi\n203.0.113.9\t7\nevil[.]example\n198.51.100.0/24 # rete\n\n", "list", "198.51.100.0/24 203.0.113.9 evil.example"},
		"a CSV":      {"tipo;valore;nota\nip;203.0.113.9;x\ndominio;evil.example;\"a;b\"\n", "csv", "203.0.113.9 evil.example"},
		"STIX":       {`{"type":"bundle","objects":[{"type":"indicator","id":"i1","pattern_type":"stix","pattern":"[ipv4-addr:value = '203.0.113.9']"},{"type":"domain-name","id":"d","value":"Evil.example"}]}`, "stix", "203.0.113.9 evil.example"},
		"MISP":       {`{"Event":{"info":"x","Attribute":[{"type":"ip-dst|port","value":"203.0.113.9|443","to_ids":true},{"type":"comment","value":"a"},{"type":"domain","value":"no.example","to_ids":false}],"Object":[{"Attribute":[{"type":"sha1","value":"da39a3ee5e6b4b0d3255bfef95601890afd80709"}]}]}}`, "misp", "203.0.113.9 da39a3ee5e6b4b0d3255bfef95601890afd80709"},
		"a STIX set": {`{"type":"bundle","objects":[{"type":"indicator","id":"i1","pattern":"[ipv4-addr:value IN ('203.0.113.9','203.0.113.8')]"}]}`, "stix", "203.0.113.8 203.0.113.9"},
	} {
		in, err := ReadIndicators(strings.NewReader(c.file))
		if err != nil || in.Format != c.format || strings.Join(texts(in), " ") != c.want || len(in.Problems) > 0 {
			t.Errorf("%s: %s %q %v %v", name, in.Format, texts(in), in.Problems, err)
		}
	}
}

func TestWhatCannotBeTakenIsToldAndTheRestIsTaken(t *testing.T) {
	in, err := ReadIndicators(strings.NewReader(`{"type":"bundle","objects":[
		{"type":"indicator","id":"broken","pattern":"[ipv4-addr:value = ]"},
		{"type":"indicator","id":"chain","pattern":"[ipv4-addr:value = '203.0.113.1'] FOLLOWEDBY [ipv4-addr:value = '203.0.113.2']"},
		{"type":"indicator","id":"process","pattern":"[process:name = 'x.exe']"},
		{"type":"indicator","id":"yara","pattern_type":"yara","pattern":"rule x {}"},
		{"type":"indicator","id":"gone","revoked":true,"pattern":"[ipv4-addr:value = '203.0.113.3']"},
		{"type":"indicator","id":"both","pattern":"[ipv4-addr:value = '203.0.113.9' AND network-traffic:dst_port = 22]"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var where []string
	for _, p := range in.Problems {
		where = append(where, p.Where)
	}
	if strings.Join(where, " ") != "broken chain process yara gone" || len(in.Patterns) != 1 || len(in.Entries) != 1 || !strings.HasPrefix(in.Entries[0].Name, PatternName) {
		t.Errorf("problems %v, patterns %v, entries %v", in.Problems, in.Patterns, in.Entries)
	}
	in, err = ReadIndicators(strings.NewReader("203.0.113.9\nciao\n203.0.113.8"))
	if err != nil || len(in.Entries) != 2 || len(in.Problems) != 1 || in.Problems[0].Where != "line 2" {
		t.Errorf("%v %v %v", in.Entries, in.Problems, err)
	}
	for _, none := range []string{"", "{", `{"a":1}`} {
		if _, err := ReadIndicators(strings.NewReader(none)); err == nil {
			t.Errorf("%q is taken for a file of indicators", none)
		}
	}
}

func FuzzReadIndicators(f *testing.F) {
	for _, s := range []string{"203.0.113.9\n", "a;valore\nx;evil.example\n", `{"type":"bundle","objects":[{"type":"indicator","pattern":"[url:value='http://a.example/']"}]}`, `{"Event":{"Attribute":[{"type":"domain|ip","value":"a.example|1.2.3.4"}]}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		in, err := ReadIndicators(strings.NewReader(string(b)))
		if err != nil {
			return
		}
		for _, e := range in.Entries {
			if e.Value.Value == "" {
				t.Fatalf("%q gives an empty value", b)
			}
		}
	})
}
