package logline

import (
	"bytes"
	"testing"
)

// FuzzRead throws anything at the whole of it, two lines after one another so
// that what the first one leaves behind is met by the second.
func FuzzRead(f *testing.F) {
	for _, s := range samples() {
		for i, l := range s.lines {
			f.Add([]byte(s.lines[max(i-1, 0)]), []byte(l))
		}
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		r := reader()
		before := bytes.Clone(b)
		for _, line := range [][]byte{a, b} {
			e, _ := r.Read(line)
			if e.Repeat < 1 || e.SrcPort < 0 || e.SrcPort > 1<<24 || len(e.Fields) > maxFields {
				t.Errorf("%q: %+v", line, e)
			}
			switch e.Outcome {
			case "", Success, Failure, Denied:
			default:
				t.Errorf("%q has the outcome %q", line, e.Outcome)
			}
		}
		if !bytes.Equal(before, b) {
			t.Errorf("%q was changed while being read", before)
		}
	})
}

func FuzzObject(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[1,"x\u00e8\ud83d\ude00",null,true]},"a":2}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := reader()
		r.object(b)
		if len(r.fields) != len(r.roles) || len(r.fields) > maxFields {
			t.Errorf("%q: %d fields, %d roles", b, len(r.fields), len(r.roles))
		}
	})
}

func FuzzXML(f *testing.F) {
	f.Add([]byte(windowsSamples[0].lines[0]))
	f.Add([]byte("<Event><EventID>1</EventID><EventData><Data Name='a'><![CDATA[x]]></Data></EventData></Event>"))
	f.Fuzz(func(t *testing.T, b []byte) { reader().xml(b) })
}

func FuzzPairs(f *testing.F) {
	f.Add([]byte(`a=b c="d \" e" f= g=h i`), byte(' '))
	f.Add([]byte(`a=b,c="d,e",f`), byte(','))
	f.Fuzz(func(t *testing.T, b []byte, sep byte) { reader().pairs(b, sep) })
}

func FuzzCEF(f *testing.F) {
	f.Add([]byte(`CEF:0|a\|b|c|d|e|f|5|k=v x=y\=z cs1=a cs1Label=b`))
	f.Add([]byte("LEEF:2.0|a|b|c|d|x09|k=v\tx=y"))
	f.Fuzz(func(t *testing.T, b []byte) {
		reader().cef(b)
		reader().leef(b)
	})
}

func FuzzRow(f *testing.F) {
	f.Add([]byte(`a,"b ""c"", d",,e`), byte(','))
	f.Fuzz(func(t *testing.T, b []byte, sep byte) {
		if n := len(reader().split(b, sep)); n < 1 || n > maxColumns {
			t.Errorf("%q gives %d cells", b, n)
		}
	})
}

func FuzzWhen(f *testing.F) {
	for _, s := range []string{"Nov 24 08:55:46 2026", "2026-11-24T08:55:46.1+01:00", "24/Nov/2026:08:55:46 +0100", "11/24/2026, 8:55:46 PM", "1795510546.123", "261124  8:55:46"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := reader()
		if rest, ok := r.when(b); ok && (len(rest) > len(b) || r.ev.Time.IsZero()) {
			t.Errorf("%q: %s, %q is left", b, r.ev.Time, rest)
		}
	})
}

func FuzzForms(f *testing.F) {
	f.Add([]byte("Failed login for x from 192.0.2.1 from 203.0.113.9 port 22"))
	all := []forms{sshdForms, dropbearForms, pamForms, postfixForms, sendmailForms, ciscoForms, panForms, mikrotikForms, sambaForms, esxiForms, appForms, swanForms, mssqlForms}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, fs := range all {
			fs.read(b, &Event{})
		}
	})
}
