package reports
import ("testing";"os";"fmt";"strconv";"github.com/dq-dev/dq/record")
func TestZZ(t *testing.T){ p:=os.Getenv("DRAW"); if p==""{t.Skip()}; f,_:=os.Open(p); r,err:=record.Read(f); if err!=nil{t.Fatal(err)}
w,_:=strconv.Atoi(os.Getenv("W")); fmt.Println(Text(os.Stdout,r,TextOptions{Width:w})) }
