package winevent

import (
	"testing"
	"unicode/utf16"
)

func TestARecordOfSeveralLinesBecomesOneAndKeepsItsText(t *testing.T) {
	in := "<Event>\r\n  <System><EventRecordID>4711</EventRecordID></System>\r\n<Data>uno\r\ndue 😀</Data>\r\n</Event>"
	got := string(line(nil, utf16.Encode([]rune(in))))
	want := "<Event>  <System><EventRecordID>4711</EventRecordID></System><Data>uno&#13;&#10;due 😀</Data></Event>"
	if got != want {
		t.Errorf("%s", got)
	}
	if n := recordID([]byte(got)); n != 4711 {
		t.Errorf("number %d", n)
	}
}
