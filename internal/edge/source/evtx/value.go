package evtx

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"time"

	"filo/internal/edge/source/reading"
)

// Types of values in binary XML.
const (
	typeNull     = 0x00
	typeString   = 0x01
	typeANSI     = 0x02
	typeBool     = 0x0d
	typeBinary   = 0x0e
	typeGUID     = 0x0f
	typeSize     = 0x10
	typeFiletime = 0x11
	typeSystime  = 0x12
	typeSID      = 0x13
	typeHex32    = 0x14
	typeHex64    = 0x15
	typeXML      = 0x21
	typeArray    = 0x80
)

// value is one that a record puts into a template.
type value struct {
	kind byte
	at   int // in the chunk
	b    []byte
}

// null reports whether the value is absent, so that what holds it is left out.
func (v *value) null() bool { return v.kind == typeNull || len(v.b) == 0 && v.kind != typeString }

// fixed is the size of one item of an array, 0 when items end with a zero.
func fixed(kind byte) int {
	switch kind {
	case 0x03, 0x04:
		return 1
	case 0x05, 0x06:
		return 2
	case 0x07, 0x08, 0x0b, typeBool, typeHex32:
		return 4
	case 0x09, 0x0a, 0x0c, typeFiletime, typeHex64:
		return 8
	case typeGUID, typeSystime:
		return 16
	}
	return 0
}

// texts gives the value as text; an array gives one text for each item.
func (v *value) texts(f func(text []byte)) {
	var buf [64]byte
	kind := v.kind &^ typeArray
	if v.kind&typeArray == 0 {
		f(text(buf[:0], kind, v.b))
		return
	}
	n := fixed(kind)
	b := v.b
	for len(b) > 0 {
		var item []byte
		switch {
		case n > 0:
			item = b[:min(n, len(b))]
		case kind == typeString:
			item = b
			for i := 0; i+1 < len(b); i += 2 {
				if b[i] == 0 && b[i+1] == 0 {
					item = b[:i]
					b = b[2:]
					break
				}
			}
		case kind == typeSID && len(b) >= 8:
			item = b[:min(8+4*int(b[1]), len(b))]
		default:
			item = b
		}
		b = b[min(len(item), len(b)):]
		f(text(buf[:0], kind, item))
	}
}

// text appends one value as Windows writes it in XML; bytes that do not fit
// their type are written in hexadecimal.
func text(dst []byte, kind byte, b []byte) []byte {
	le := binary.LittleEndian
	if n := fixed(kind); n > len(b) || n > 0 && len(b) == 0 {
		return fmt.Appendf(dst, "%X", b)
	}
	switch kind {
	case typeNull:
		return dst
	case typeString:
		for len(b) > 1 && b[len(b)-1] == 0 && b[len(b)-2] == 0 {
			b = b[:len(b)-2]
		}
		return reading.FromUTF16(dst, b, reading.UTF16LE)
	case typeANSI:
		for len(b) > 0 && b[len(b)-1] == 0 {
			b = b[:len(b)-1]
		}
		var buf []byte
		return append(dst, reading.Text(b, &buf)...)
	case 0x03:
		return strconv.AppendInt(dst, int64(int8(b[0])), 10)
	case 0x04:
		return strconv.AppendUint(dst, uint64(b[0]), 10)
	case 0x05:
		return strconv.AppendInt(dst, int64(int16(le.Uint16(b))), 10)
	case 0x06:
		return strconv.AppendUint(dst, uint64(le.Uint16(b)), 10)
	case 0x07:
		return strconv.AppendInt(dst, int64(int32(le.Uint32(b))), 10)
	case 0x08:
		return strconv.AppendUint(dst, uint64(le.Uint32(b)), 10)
	case 0x09:
		return strconv.AppendInt(dst, int64(le.Uint64(b)), 10)
	case 0x0a:
		return strconv.AppendUint(dst, le.Uint64(b), 10)
	case 0x0b:
		return strconv.AppendFloat(dst, float64(math.Float32frombits(le.Uint32(b))), 'g', -1, 32)
	case 0x0c:
		return strconv.AppendFloat(dst, math.Float64frombits(le.Uint64(b)), 'g', -1, 64)
	case typeBool:
		return strconv.AppendBool(dst, le.Uint32(b) != 0)
	}
	return structured(dst, kind, b)
}

func structured(dst []byte, kind byte, b []byte) []byte {
	le := binary.LittleEndian
	switch kind {
	case typeGUID:
		return fmt.Appendf(dst, "{%08X-%04X-%04X-%X-%X}", le.Uint32(b), le.Uint16(b[4:]), le.Uint16(b[6:]), b[8:10], b[10:16])
	case typeHex32:
		return fmt.Appendf(dst, "0x%x", le.Uint32(b))
	case typeHex64:
		return fmt.Appendf(dst, "0x%x", le.Uint64(b))
	case typeSize:
		if len(b) == 4 {
			return fmt.Appendf(dst, "0x%x", le.Uint32(b))
		}
		if len(b) >= 8 {
			return fmt.Appendf(dst, "0x%x", le.Uint64(b))
		}
	case typeFiletime:
		return appendTime(dst, le.Uint64(b))
	case typeSystime:
		var p [8]int
		for i := range p {
			p[i] = int(le.Uint16(b[2*i:]))
		}
		return time.Date(p[0], time.Month(p[1]), p[3], p[4], p[5], p[6], p[7]*1e6, time.UTC).AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	case typeSID:
		if len(b) >= 8 && len(b) >= 8+4*int(b[1]) {
			var authority uint64
			for _, c := range b[2:8] {
				authority = authority<<8 | uint64(c)
			}
			dst = fmt.Appendf(dst, "S-%d-%d", b[0], authority)
			for i := range int(b[1]) {
				dst = strconv.AppendUint(append(dst, '-'), uint64(le.Uint32(b[8+4*i:])), 10)
			}
			return dst
		}
	}
	return fmt.Appendf(dst, "%X", b)
}

// filetime turns tenths of microseconds since 1601 into a time.
func filetime(n uint64) time.Time {
	const epoch = 11644473600
	return time.Unix(int64(n/1e7)-epoch, int64(n%1e7)*100).UTC()
}

func appendTime(dst []byte, n uint64) []byte {
	return filetime(n).AppendFormat(dst, "2006-01-02T15:04:05.0000000Z")
}
