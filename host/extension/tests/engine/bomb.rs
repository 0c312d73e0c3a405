//! Components that are small to keep and large to compile.

/// How much of a bomb there is to compile.
#[derive(Clone, Copy)]
pub(crate) struct Bomb {
    pub(crate) functions: u32,
    pub(crate) locals: u32,
    pub(crate) statements: u32,
}

impl Bomb {
    /// A component whose functions add up their locals in branches: what is live where must be known for each of them.
    pub(crate) fn component(self) -> Vec<u8> {
        let Self { functions, .. } = self;
        let count = leb(functions);
        let bodies: Vec<u8> = (0..functions).flat_map(|_| self.body()).collect();
        let module = [
            b"\0asm\x01\0\0\0".to_vec(),
            section(1, &[1, 0x60, 0, 0]),
            section(3, &[count.clone(), vec![0; functions as usize]].concat()),
            section(10, &[count, bodies].concat()),
        ];
        [b"\0asm\x0d\0\x01\0".to_vec(), section(1, &module.concat())].concat()
    }

    fn body(self) -> Vec<u8> {
        let mut state = 1_u64;
        let mut local = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            leb(u32::try_from((state >> 33) % u64::from(self.locals)).expect("there are few"))
        };
        // One group of locals, all of them i32.
        let mut code = [leb(1), leb(self.locals), vec![0x7f]].concat();
        for _ in 0..self.statements {
            let parts = [
                // if (local) { local = local + local }
                vec![0x20],
                local(),
                vec![0x04, 0x40],
                vec![0x20],
                local(),
                vec![0x20],
                local(),
                vec![0x6a, 0x21],
                local(),
                vec![0x0b],
            ];
            code.extend(parts.concat());
        }
        code.push(0x0b);
        [leb(u32::try_from(code.len()).expect("it is short")), code].concat()
    }
}

/// A component that is quick to compile, and differs from those of other names.
pub(crate) fn small(name: &str) -> Vec<u8> {
    let whole = wat::parse_str("(component (core module (func (export \"f\"))))").expect("it parses");
    let name = [leb(u32::try_from(name.len()).expect("it is short")), name.as_bytes().to_vec()].concat();
    [whole, section(0, &name)].concat()
}

fn section(id: u8, bytes: &[u8]) -> Vec<u8> {
    [vec![id], leb(u32::try_from(bytes.len()).expect("it is short")), bytes.to_vec()].concat()
}

fn leb(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
