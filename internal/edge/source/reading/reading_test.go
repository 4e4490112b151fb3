package reading

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"
	"unicode/utf8"
)

func utf16Bytes(s string, e Encoding, mark bool) (b []byte) {
	if mark {
		s = "\ufeff" + s
	}
	for _, u := range utf16.Encode([]rune(s)) {
		if e == UTF16BE {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	return b
}

func lines(t *testing.T, r io.Reader) (out []string) {
	t.Helper()
	s := NewSplitter(bufio.NewReaderSize(r, 64), 0, Bytes, false)
	for {
		line, _, err := s.Line()
		if errors.Is(err, io.EOF) {
			if rest, ok := s.Rest(); ok {
				out = append(out, string(rest))
			}
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(line))
	}
}

func TestUTF16IsReadWithAndWithoutItsMark(t *testing.T) {
	text := "prima riga di testo\r\nfalsi a capo: \u0a0a \u0d0a \u010a\ncittà 😀\n"
	want := []string{"prima riga di testo", "falsi a capo: \u0a0a \u0d0a \u010a", "città 😀"}
	for _, e := range []Encoding{UTF16LE, UTF16BE} {
		for _, mark := range []bool{true, false} {
			for _, r := range []io.Reader{bytes.NewReader(utf16Bytes(text, e, mark)), iotest.OneByteReader(bytes.NewReader(utf16Bytes(text, e, mark)))} {
				if got := lines(t, r); !slices.Equal(got, want) {
					t.Errorf("%d %v: %q", e, mark, got)
				}
			}
		}
	}
}

func TestLatin1BecomesUTF8AndUTF8StaysAsItIs(t *testing.T) {
	got := lines(t, strings.NewReader("citt\xe0\ncittà\nperch\xe9 è così\n"))
	if want := []string{"città", "città", "perché è così"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestAGrowingFileGoesOnInTheMiddleOfALineEnd(t *testing.T) {
	whole := utf16Bytes("una riga\naltra riga\n", UTF16LE, true)
	for cut := 2; cut < len(whole); cut++ {
		var b bytes.Buffer
		s := NewSplitter(bufio.NewReader(&b), 0, Bytes, false)
		var got []string
		for _, piece := range [][]byte{whole[:cut], whole[cut:]} {
			b.Write(piece)
			for {
				line, _, err := s.Line()
				if err != nil {
					break
				}
				got = append(got, string(line))
			}
		}
		if !slices.Equal(got, []string{"una riga", "altra riga"}) {
			t.Fatalf("cut at %d: %q", cut, got)
		}
	}
}

func FuzzSplitter(f *testing.F) {
	f.Add([]byte("uno\ndue\n"))
	f.Add(utf16Bytes("una riga\naltra\n", UTF16BE, false))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := NewSplitter(bufio.NewReader(bytes.NewReader(b)), 0, Bytes, false)
		n := 0
		for {
			line, _, err := s.Line()
			if err != nil {
				break
			}
			n++
			if !utf8.Valid(line) {
				t.Fatalf("no UTF-8: %q", line)
			}
		}
		if s.Offset != int64(len(b)) || s.Kept() > s.Offset {
			t.Fatalf("%d bytes taken of %d, %d kept", s.Offset, len(b), s.Kept())
		}
		if s.Enc == Bytes && n != bytes.Count(b, []byte("\n")) {
			t.Fatalf("%d lines of %d", n, bytes.Count(b, []byte("\n")))
		}
	})
}

func FuzzQuote(f *testing.F) {
	f.Add("a\"\\\x00\xffè")
	f.Fuzz(func(t *testing.T, s string) {
		var back string
		if err := json.Unmarshal(Quote(nil, s), &back); err != nil || back != strings.ToValidUTF8(s, "\ufffd") && utf8.ValidString(s) {
			t.Fatalf("%q became %q: %v", s, back, err)
		}
	})
}
