package celtest
import ("testing";"context";"os/exec";"bufio";"encoding/json";"encoding/base64";"errors";"io";"strings";"strconv";"time"
 "github.com/dq-dev/dq/engine";"github.com/dq-dev/dq/table")
type py struct{ engine.Engine; in io.WriteCloser; out *bufio.Reader; cmd *exec.Cmd }
type pyS struct{ engine.Session; p *py }
type pyD struct{ engine.Dialect }
func (pyD) Name() string {return "duckdb"}
func (pyD) Ident(n string) string {return `"`+strings.ReplaceAll(n,`"`,`""`)+`"`}
func (pyD) Literal(n string) string {return `'`+strings.ReplaceAll(n,`'`,`''`)+`'`}
func (pyD) Relation(n string) string {return `"`+strings.ReplaceAll(n,`.`,`"."`)+`"`}
func (p *py) Dialect() engine.Dialect {return pyD{}}
func (p *py) Session(context.Context) (engine.Session,error) {return &pyS{p:p},nil}
func (p *py) Close() error { p.in.Close(); return p.cmd.Wait() }
func (s *pyS) Close() error {return nil}
type val struct{ B *bool; I,F,D,S,Y,T *string }
func (p *py) call(sql string, rows bool) ([][]*val, error) {
  b,_:=json.Marshal(map[string]any{"sql":sql,"rows":rows}); p.in.Write(append(b,'\n'))
  l,err:=p.out.ReadBytes('\n'); if err!=nil {return nil,err}
  var o struct{ Rows [][]*val; Err string }
  if err:=json.Unmarshal(l,&o);err!=nil{return nil,err}
  if o.Err!="" {return nil,errors.New(o.Err)}
  return o.Rows,nil }
func (s *pyS) Attach(_ context.Context, in engine.Input) (table.Schema,error) { _,err:=s.p.call("CREATE OR REPLACE TABLE "+pyD{}.Relation(in.Name)+" AS "+in.SQL,false); return table.Schema{},err }
func (s *pyS) Query(_ context.Context, sql string) (*engine.Rows,error) {
  rows,err:=s.p.call(sql,true); if err!=nil{return nil,err}
  r:=&engine.Rows{}
  for _,row:=range rows { var o []any; for _,v:=range row { o=append(o,conv(v)) }; r.Values=append(r.Values,o) }
  return r,nil }
func conv(v *val) any { switch { case v==nil: return nil
 case v.B!=nil: return *v.B
 case v.I!=nil: n,err:=strconv.ParseInt(*v.I,10,64); if err!=nil {return engine.Decimal(*v.I)}; return n
 case v.F!=nil: f,_:=strconv.ParseFloat(*v.F,64); return f
 case v.D!=nil: return engine.Decimal(*v.D)
 case v.S!=nil: return *v.S
 case v.Y!=nil: b,_:=base64.StdEncoding.DecodeString(*v.Y); return b
 case v.T!=nil: t,_:=time.Parse("2006-01-02T15:04:05.000000",*v.T); return t }
 return nil }
func openPy(t *testing.T) engine.Engine {
  cmd:=exec.Command("/tmp/venv/bin/python","/tmp/explore/server.py"); in,_:=cmd.StdinPipe(); out,_:=cmd.StdoutPipe()
  if err:=cmd.Start();err!=nil{t.Fatal(err)}
  return &py{in:in,out:bufio.NewReaderSize(out,1<<20),cmd:cmd} }
func TestPy(t *testing.T){ Run(t, openPy) }
func TestSeeds(t *testing.T){ for s:=uint64(100);s<112;s++ { t.Run(strconv.Itoa(int(s)), func(t *testing.T){ run(t, openPy(t), s, 2500) }) } }
